import type { Network } from '@tollkeeper/protocol';

/** Times and bounds of the engine; the configuration decides most of them. */
export interface SettlementLimits {
  /** How often the chain is asked about what is in flight, when the first looks after a sending found nothing. */
  readonly pollMs: number;
  /** What is not on chain after this time is sent again. */
  readonly resendMs: number;
  /** What no block has taken after this time is outbid. */
  readonly replaceAfterMs: number;
  /** A payer is turned away after so many failures at our cost within ten minutes. */
  readonly payerFailuresMax: number;
  /** What payments to one payTo may cost us in a day, in wei or lamports; undefined: no limit. */
  readonly dailyBudget: (network: Network) => bigint | undefined;
  /** A signer with less native coin than this signs nothing, in wei or lamports. */
  readonly signerBalanceMin: (network: Network) => bigint;
}
