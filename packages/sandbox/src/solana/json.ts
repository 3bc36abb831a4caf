/**
 * Writes JSON with bigint as bare digits. Solana's u64 values (for example `rentEpoch`, 18446744073709551615) exceed
 * what a JS number holds, and clients read digits. `undefined` members are left out.
 */
export function toJson(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `[${value.map(toJson).join(',')}]` : objectToJson(value);
    case 'undefined':
      return 'null';
    default:
      return JSON.stringify(value);
  }
}

function objectToJson(value: object): string {
  let text = '';
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${toJson(member)}`;
  }
  return `{${text}}`;
}
