interface KindSpec {
  /** The side on which its balance grows. */
  readonly normalSide: 'debit' | 'credit';
  /** Whether it may fall below zero on that side. The database refuses it for every other kind. */
  readonly mayOverdraw: boolean;
  /** What its `owner` names. */
  readonly owner: string;
  readonly meaning: string;
}

const asset = (owner: string, meaning: string) =>
  ({ normalSide: 'debit', mayOverdraw: false, owner, meaning }) as const;
const liability = (owner: string, meaning: string) =>
  ({ normalSide: 'credit', mayOverdraw: false, owner, meaning }) as const;
const eitherWay = (owner: string, meaning: string) =>
  ({ normalSide: 'credit', mayOverdraw: true, owner, meaning }) as const;

/**
 * The chart of accounts: every kind there is, each once for each asset and owner. The table `account_kind` of the database
 * has the same rows, and is what decides.
 */
export const accountKinds = {
  custody: asset('on-chain address', 'What an address whose key we hold has on chain.'),
  treasury: asset('on-chain address', 'What the address has that deposits are swept to and withdrawals are paid from.'),
  merchant_pending: liability('wallet', 'Received for a wallet; a reorg may still take it back.'),
  merchant_available: liability('wallet', 'What a wallet may spend, held money included.'),
  transfer_escrow: liability('wallet that sent', 'Sent to another wallet and neither claimed nor returned yet.'),
  fees_earned: liability('operator', 'What the operator has earned by fees.'),
  referral_payable: liability('referrer', 'The part of fees that is owed to a referrer.'),
  gas_spent: asset('signer', 'What transactions of a signer have cost, in the native coin.'),
  operator_funding: liability('operator', 'What the operator brought in from outside, for gas and rent.'),
  rent: asset('on-chain address', 'Deposits that token accounts on Solana need to exist.'),
  withdrawals_in_flight: liability('wallet', 'Left the wallet for an address outside and is not final there yet.'),
  reorg_receivable: asset('wallet', 'Taken back by a reorg after it was spent; the wallet owes it.'),
  rounding: eitherWay('operator', 'Minor units that divisions left over or took.'),
  suspense: eitherWay('on-chain address', 'Moved on chain in a way that nobody could explain yet.'),
} as const satisfies Record<string, KindSpec>;

export type AccountKind = keyof typeof accountKinds;

/** The owner of the accounts that belong to whoever runs this service. */
export const operatorOwner = 'operator';
