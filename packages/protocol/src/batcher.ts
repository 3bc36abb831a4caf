import { idleTurn } from './idle-turn.js';

/** How items are joined into calls. */
export interface BatcherParts<Item, Result> {
  /** Does the work for some items at once and gives a result for each, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maximumItems: number;
  /** A call that reads leaves its callers waiting; one that writes is waited for by the disk too, and gains more from company. */
  readonly purpose: 'read' | 'write';
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** From the start of a call of several to the start of the next one, at most: so long it waits while there is other work. */
const longestPauseMs = { read: 8, write: 24 };
/** Longer than this nobody waits for a call of others to end. */
const patienceMs = 100;

/**
 * Joins the items of concurrent callers into shared calls. A lone item goes out in the turn it came in; items that come while a
 * call is under way travel together in the next one, which among several callers waits until this process has nothing else to
 * do, though not for long. When a call fails, each of its callers gets the error.
 */
export function createBatcher<Item, Result>(parts: BatcherParts<Item, Result>): (item: Item) => Promise<Result> {
  const { maximumItems, purpose } = parts;
  let waiting: Waiting<Item, Result>[] = [];
  /** Reasons not to start a call yet. A full one starts whatever there is, so that nobody waits behind more than one call. */
  let holds = 0;
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
    while (waiting.length >= maximumItems || (waiting.length > 0 && holds === 0)) {
      const batch = waiting.slice(0, maximumItems);
      waiting = waiting.slice(maximumItems);
      void call(batch);
    }
  }

  async function call(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const startedAt = performance.now();
    const release = hold();
    const patience = setTimeout(release, patienceMs);
    try {
      const results = await parts.run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new RangeError('A batch answers with one result for each item');
      for (const [index, result] of results.entries()) batch[index]?.resolve(result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      clearTimeout(patience);
      // What this process does meanwhile brings the items of the next call, and each call costs it much more than an item.
      if (batch.length + waiting.length > 1) await idleTurn({ deadline: startedAt + longestPauseMs[purpose] });
      release();
    }
  }

  /** Gives what ends the hold; to end it again changes nothing. */
  function hold(): () => void {
    let isHeld = true;
    holds += 1;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      holds -= 1;
      if (waiting.length > 0) schedule();
    };
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
}
