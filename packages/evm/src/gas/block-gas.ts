/** How much gas a block of the network holds, which its validators change over time. */
export interface BlockGas {
  /** As the newest block that was looked at says; undefined before the first one, and where blocks do not say. */
  limit(): bigint | undefined;
  /** Remembers what a block says; zero where it does not. */
  note(gasLimit: bigint): void;
}

export function createBlockGas(): BlockGas {
  let latest = 0n;
  return {
    limit: () => (latest === 0n ? undefined : latest),
    note(gasLimit) {
      latest = gasLimit;
    },
  };
}
