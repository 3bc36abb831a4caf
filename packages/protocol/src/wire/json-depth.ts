/** Objects and arrays may nest this deep in a request; stock payloads need fewer than ten levels. */
export const maximumDepth = 16;

/** Whether a parsed JSON value nests deeper than {@link maximumDepth}. Stops as soon as it does. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth >= maximumDepth) return true;
  return Object.values(value).some((inner) => isTooDeep(inner, depth + 1));
}
