/** Runs one task at a time for each key, in the order they came. */
export function createKeyedSerial() {
  const lasts = new Map<string, Promise<unknown>>();
  return <Result>(key: string, task: () => Promise<Result>): Promise<Result> => {
    const turn = (lasts.get(key) ?? Promise.resolve()).then(task);
    const last = turn
      .catch(() => undefined)
      .then(() => {
        if (lasts.get(key) === last) lasts.delete(key);
      });
    lasts.set(key, last);
    return turn;
  };
}
