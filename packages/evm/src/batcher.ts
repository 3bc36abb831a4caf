/** How items are joined into calls. */
export interface BatcherParts<Item, Result> {
  /** Does the work for some items at once and gives a result for each, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maximumItems: number;
  /** Calls under way at once, as long as none is full: a full one never waits, so that nobody waits for more than one call. */
  readonly maximumCalls: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins the items of concurrent callers into shared calls. A lone item goes out in the turn it came in; items that come while
 * calls are under way travel together in the next one. When a call fails, each of its callers gets the error.
 */
export function createBatcher<Item, Result>(parts: BatcherParts<Item, Result>): (item: Item) => Promise<Result> {
  const { maximumItems, maximumCalls } = parts;
  let waiting: Waiting<Item, Result>[] = [];
  let callsUnderWay = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    // After everything that this turn of the event loop has read from its sockets.
    setImmediate(() => {
      isScheduled = false;
      startCalls();
    });
  }

  function startCalls(): void {
    while (waiting.length >= maximumItems || (waiting.length > 0 && callsUnderWay < maximumCalls)) {
      const batch = waiting.slice(0, maximumItems);
      waiting = waiting.slice(maximumItems);
      void call(batch);
    }
  }

  async function call(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    callsUnderWay += 1;
    try {
      const results = await parts.run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new RangeError('A batch answers with one result for each item');
      for (const [index, result] of results.entries()) batch[index]?.resolve(result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      callsUnderWay -= 1;
      if (waiting.length > 0) schedule();
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
}
