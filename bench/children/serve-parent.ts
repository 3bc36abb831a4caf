/** What a child process of the benchmark does: it starts once and then answers as often as it is asked. */
export interface ChildPart {
  /** Told to the parent when the part has started. */
  readonly ready: object;
  /** What the parent gets each time it asks. */
  readonly read?: () => unknown;
}

/** Starts the part with the options of the parent's first message, and ends with the parent. */
export function serveParent(start: (options: never) => Promise<ChildPart>): void {
  let part: ChildPart | undefined;
  process.once('disconnect', () => process.exit());
  process.on('message', (message) => {
    if (part !== undefined) {
      process.send?.(part.read?.());
      return;
    }
    void start(message as never).then((started) => {
      part = started;
      process.send?.(started.ready);
    });
  });
}
