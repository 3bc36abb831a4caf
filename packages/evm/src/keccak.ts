import { keccak256 } from 'ethers';

/** Keccak-256 of bytes, as bytes. */
export function keccak(bytes: Uint8Array): Buffer {
  return Buffer.from(keccak256(bytes).slice(2), 'hex');
}

/** Keccak-256 of a text in UTF-8; a lone surrogate counts as U+FFFD, so that no text can make it throw. */
export function keccakOfText(text: string): Buffer {
  return keccak(Buffer.from(text, 'utf8'));
}
