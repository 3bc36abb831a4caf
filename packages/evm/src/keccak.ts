import { createKeccak } from 'hash-wasm';

/** One instance serves every call, because a hash is begun and ended without a pause. */
const hasher = await createKeccak(256);

/** Keccak-256 of bytes, as bytes. In WebAssembly, because it is most of what a payment costs in JavaScript. */
export function keccak(bytes: Uint8Array): Buffer {
  const digest = hasher.init().update(bytes).digest('binary');
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength);
}

/** Keccak-256 of a text in UTF-8; a lone surrogate counts as U+FFFD, so that no text can make it throw. */
export function keccakOfText(text: string): Buffer {
  return keccak(Buffer.from(text, 'utf8'));
}
