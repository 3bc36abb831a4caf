import { randomBytes } from 'node:crypto';
import type { Clock } from '@tollkeeper/protocol';

/** A version 7 UUID (RFC 9562): its first 48 bits are the time in milliseconds, so that rows sort by age. */
export function uuidv7(clock: Clock): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(clock.now().getTime(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What every id comes after: a list begins here. */
export const beforeEveryId = '00000000-0000-0000-0000-000000000000';
