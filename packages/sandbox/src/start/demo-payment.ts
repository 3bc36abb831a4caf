import type { PaidResponse } from '../demo/stock-buyer.js';

/** One payment of the demo, and everything about it that did not come out as it should. */
export interface PaymentCheck {
  readonly network: string;
  readonly transaction: string;
  readonly payer: string;
  /** Minor units. */
  readonly amount: bigint;
  readonly problems: readonly string[];
}

/** What the demo merchant charges: $0.01 of a token with six decimals. */
const demoPrice = 10_000n;

/** Holds the buyer's receipt, the ledger and the chain against each other. */
export function checkPayment(
  response: PaidResponse,
  books: {
    readonly network: string;
    readonly payer: string;
    readonly ledgerBefore: bigint;
    readonly ledgerAfter: bigint;
    readonly chainAfter: bigint;
  },
): PaymentCheck {
  const { receipt, status } = response;
  const problems = [];
  if (status !== 200) problems.push(`the merchant answered ${status}`);
  if (receipt?.success !== true) problems.push(`the receipt says ${receipt?.errorReason ?? 'nothing'}`);
  if (receipt?.network !== books.network) problems.push(`the receipt names the network ${receipt?.network ?? 'none'}`);
  if (receipt?.payer !== books.payer) problems.push(`the receipt names the payer ${receipt?.payer ?? 'none'}`);
  const credited = books.ledgerAfter - books.ledgerBefore;
  if (credited !== demoPrice) problems.push(`the ledger credited ${credited} instead of ${demoPrice}`);
  if (books.ledgerAfter !== books.chainAfter) {
    problems.push(`the ledger has ${books.ledgerAfter} and the chain has ${books.chainAfter}`);
  }
  return {
    network: books.network,
    transaction: receipt?.transaction ?? '',
    payer: receipt?.payer ?? '',
    amount: demoPrice,
    problems,
  };
}
