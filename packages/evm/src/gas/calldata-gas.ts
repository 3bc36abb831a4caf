/** What the bytes of a transaction cost before any of its code runs. */
export interface CalldataGas {
  /** 4 for a zero, 16 for any other byte (EIP-2028). */
  readonly usual: bigint;
  /** 10 for a zero, 40 for any other byte: what the transaction costs at least, however little its code uses (EIP-7623). */
  readonly floor: bigint;
}

/** The cost of calldata: `0x` and hex. */
export function calldataGas(data: string): CalldataGas {
  const bytes = Buffer.from(data.slice(2), 'hex');
  let zeros = 0;
  for (const byte of bytes) if (byte === 0) zeros += 1;
  const tokens = BigInt(zeros + 4 * (bytes.length - zeros));
  return { usual: 4n * tokens, floor: 10n * tokens };
}
