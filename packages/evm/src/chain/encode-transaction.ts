/** A type-2 transaction (EIP-1559) that moves no ether and has no access list. */
export interface TransactionFields {
  readonly chainId: bigint;
  readonly accountNonce: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly maxFeePerGas: bigint;
  readonly gasLimit: bigint;
  readonly to: string;
  /** `0x` and the calldata in hex. */
  readonly data: string;
}

export interface TransactionSignature {
  /** r and s, 32 bytes each. */
  readonly rs: Uint8Array;
  readonly recovery: 0 | 1;
}

const type = Buffer.of(2);

/**
 * The bytes of a transaction: those that are signed, or with the signature those that are sent. Encoded here (RLP) because a
 * transaction of many payments has a hundred thousand bytes, which a general library takes tens of milliseconds for.
 */
export function encodeTransaction(fields: TransactionFields, signature?: TransactionSignature): Buffer {
  const items = [
    encodeInteger(fields.chainId),
    encodeInteger(fields.accountNonce),
    encodeInteger(fields.maxPriorityFeePerGas),
    encodeInteger(fields.maxFeePerGas),
    encodeInteger(fields.gasLimit),
    encodeBytes(Buffer.from(fields.to.slice(2), 'hex')),
    encodeInteger(0n),
    encodeBytes(Buffer.from(fields.data.slice(2), 'hex')),
    encodeList([]),
  ];
  if (signature !== undefined) {
    const rs = Buffer.from(signature.rs);
    items.push(
      encodeInteger(BigInt(signature.recovery)),
      encodeBytes(withoutLeadingZeros(rs.subarray(0, 32))),
      encodeBytes(withoutLeadingZeros(rs.subarray(32))),
    );
  }
  return Buffer.concat([type, encodeList(items)]);
}

function encodeInteger(value: bigint): Buffer {
  if (value === 0n) return encodeBytes(Buffer.alloc(0));
  const digits = value.toString(16);
  return encodeBytes(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
}

function withoutLeadingZeros(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  return start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
}

function encodeBytes(bytes: Buffer): Buffer {
  const [first] = bytes;
  if (bytes.length === 1 && first !== undefined && first < 0x80) return bytes;
  return Buffer.concat([encodeLength(bytes.length, 0x80), bytes]);
}

function encodeList(items: readonly Buffer[]): Buffer {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  return Buffer.concat([encodeLength(length, 0xc0), ...items]);
}

function encodeLength(length: number, offset: number): Buffer {
  if (length < 56) return Buffer.of(offset + length);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.of(offset + 55 + bytes.length), bytes]);
}
