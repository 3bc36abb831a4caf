export type Turns = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Does pieces of work in the order in which they were asked for, so many at a time; one that fails holds up none. */
export function createTurns(atOnce = 1): Turns {
  const waiting: (() => void)[] = [];
  let free = atOnce;

  function pass(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      pass();
    }
  };
}
