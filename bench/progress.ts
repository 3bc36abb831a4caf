/** Prints what is being done, with the seconds since the start. */
export interface Progress {
  say(text: string): void;
  elapsedSeconds(): number;
}

export function startProgress(write: (text: string) => void): Progress {
  const started = performance.now();
  const elapsedSeconds = (): number => (performance.now() - started) / 1000;
  return {
    elapsedSeconds,
    say: (text) => write(`${elapsedSeconds().toFixed(1).padStart(6)} s  ${text}\n`),
  };
}
