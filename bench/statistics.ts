/** The smallest value that at least `percent` per cent of the values do not exceed. Undefined for no values. */
export function percentile(values: readonly number[], percent: number): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** Median of the values that are there; undefined where none is. */
export function medianOfKnown(values: readonly (number | undefined)[]): number | undefined {
  return median(values.filter((value) => value !== undefined));
}

/** The middle of the values, or the mean of the two in the middle. Undefined for none. */
function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}
