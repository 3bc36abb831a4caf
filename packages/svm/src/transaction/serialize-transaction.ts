/** The wire form of a message with its signatures, the inverse of `parseTransaction`. */
export function serializeTransaction(parts: {
  readonly signatures: readonly Uint8Array[];
  readonly message: Uint8Array;
}): Uint8Array {
  if (parts.signatures.length > 127) throw new RangeError('No transaction that fits a packet has so many signatures');
  return Uint8Array.from(Buffer.concat([Uint8Array.of(parts.signatures.length), ...parts.signatures, parts.message]));
}
