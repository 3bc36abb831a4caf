/** A JSON string, which is kept as it is, or a number. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const longInteger = /^-?\d{16,}$/;

/**
 * Parses JSON, but gives integers of more than fifteen digits as strings: Solana writes 64-bit integers as bare digits, and a
 * JS number would round them.
 * @throws SyntaxError for what is no JSON.
 */
export function parseLosslessJson(text: string): unknown {
  return JSON.parse(text.replace(stringOrNumber, (token) => (longInteger.test(token) ? `"${token}"` : token)));
}
