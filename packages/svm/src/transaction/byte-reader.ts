/** Bytes that are no Solana transaction. Stays inside this folder: the parser turns it into `undefined`. */
export class MalformedTransactionError extends Error {
  override readonly name = 'MalformedTransactionError';
}

/** Reads a byte string from front to back and refuses to read past its end. */
export interface ByteReader {
  readonly position: number;
  readonly isAtEnd: boolean;
  peek(): number;
  byte(): number;
  take(length: number): Uint8Array;
  /** A length as Solana writes it: seven bits a byte, low bits first, at most 16 bits, in its one shortest form. */
  compactLength(): number;
}

export function createByteReader(bytes: Uint8Array): ByteReader {
  let position = 0;
  const reader: ByteReader = {
    get position() {
      return position;
    },
    get isAtEnd() {
      return position === bytes.length;
    },
    peek() {
      const value = bytes[position];
      if (value === undefined) throw new MalformedTransactionError('ends too early');
      return value;
    },
    byte() {
      const value = reader.peek();
      position += 1;
      return value;
    },
    take(length) {
      if (length > bytes.length - position) throw new MalformedTransactionError('ends too early');
      position += length;
      return bytes.subarray(position - length, position);
    },
    compactLength: () => readCompactLength(reader),
  };
  return reader;
}

function readCompactLength(reader: ByteReader): number {
  let length = 0;
  for (let place = 0; place < 3; place += 1) {
    const byte = reader.byte();
    length |= (byte & 0x7f) << (7 * place);
    if (byte & 0x80) continue;
    if (place > 0 && byte === 0) throw new MalformedTransactionError('has a length that is not in its shortest form');
    if (length > 0xffff) throw new MalformedTransactionError('has a length of more than 16 bits');
    return length;
  }
  throw new MalformedTransactionError('has a length of more than three bytes');
}
