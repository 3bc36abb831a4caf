/**
 * Reads standard, padded base64 in its one spelling for the bytes it stands for; undefined for any other. A caller who may
 * choose among spellings could present one payment under many.
 */
export function decodeCanonicalBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it does not know, so only an equal re-encoding proves that nothing was skipped.
  return bytes.toString('base64') === text ? bytes : undefined;
}
