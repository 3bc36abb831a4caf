/** The environment of this process; the only place where the facilitator reads it. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
