/** The way from the top of a JSON value to one within it. */
export type Path = readonly string[];

/** The same JSON with another value at the path; undefined takes the key away. */
export function changed(value: unknown, path: Path, replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  const within = Array.isArray(value)
    ? ([...(value as unknown[])] as never)
    : { ...(value as Record<string, unknown>) };
  const inner = changed((value as Record<string, unknown>)[key], rest, replacement);
  if (inner !== undefined) return Object.assign(within, { [key]: inner });
  return Object.fromEntries(Object.entries(within).filter(([name]) => name !== key));
}

/** The way to every value within a JSON value, the value itself included. */
export function pathsOf(value: unknown): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [[]];
  const within = Object.entries(value).flatMap(([key, inner]) => pathsOf(inner).map((path) => [key, ...path]));
  return [[], ...within];
}
