/** Thrown by a reader when the bytes end early or break the encoding. */
export const malformed = (what: string): RangeError => new RangeError(what);

/** Reads a byte string from front to back, refusing to run past its end. */
export interface ByteReader {
  u8(): number;
  bytes(length: number): Uint8Array;
  /** Solana's compact-u16: at most three bytes and the shortest encoding only. */
  compactU16(): number;
  position(): number;
  remaining(): number;
}

/** Makes a reader over `source`; slices it returns share the memory of `source`. */
export function createByteReader(source: Uint8Array): ByteReader {
  let at = 0;
  const u8 = (): number => {
    const value = source[at];
    if (value === undefined) throw malformed('unexpected end of data');
    at += 1;
    return value;
  };
  return {
    u8,
    bytes(length) {
      if (at + length > source.length) throw malformed('unexpected end of data');
      const slice = source.subarray(at, at + length);
      at += length;
      return slice;
    },
    compactU16() {
      let value = 0;
      for (let index = 0; index < 3; index += 1) {
        const byte = u8();
        if (index > 0 && byte === 0) throw malformed('compact length is not canonical');
        if (index === 2 && byte > 3) throw malformed('compact length overflows');
        value |= (byte & 0x7f) << (7 * index);
        if (byte < 0x80) return value;
      }
      throw malformed('compact length overflows');
    },
    position: () => at,
    remaining: () => source.length - at,
  };
}
