/**
 * Writes JSON with bigint as bare digits. Solana's u64 values (for example `rentEpoch`, 18446744073709551615) exceed
 * what a JS number holds, and clients read digits. `undefined` members are left out.
 */
export function toJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  return typeof value === 'object' ? objectToJson(value) : JSON.stringify(value);
}

function objectToJson(value: object): string {
  let text = '';
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${toJson(member)}`;
  }
  return `{${text}}`;
}
