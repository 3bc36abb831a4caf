/** A map that never grows past its limit: entries that were not used for a while leave. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

export function createBoundedCache<Value>(maximumEntries: number): BoundedCache<Value> {
  // Two generations. Everything that is used lives in the younger one; when that has half of the limit it becomes the older
  // one, and what nobody used since the last time is gone. Moving an entry at every use, to keep exact order, cost more than
  // some of the hashes that it saved.
  let younger = new Map<string, Value>();
  let older = new Map<string, Value>();

  function set(key: string, value: Value): void {
    younger.set(key, value);
    if (younger.size < maximumEntries / 2) return;
    older = younger;
    younger = new Map();
  }

  return {
    get(key) {
      const value = younger.get(key);
      if (value !== undefined) return value;
      const known = older.get(key);
      if (known !== undefined) set(key, known);
      return known;
    },
    set,
  };
}
