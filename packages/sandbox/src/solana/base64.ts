import { rpcFailure } from './rpc-failure.js';

/** Reads standard base64 with padding, strictly: Node's own decoder skips what it does not know. */
export function base64Bytes(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw rpcFailure('invalidParams', 'invalid base64 encoding');
  return bytes;
}
