/** Money that moved, as a chain has it. */
export interface Transfer {
  readonly transaction: string;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}
