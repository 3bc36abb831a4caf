import type { ReadVariables } from './variable-schema.js';

/** How settlements are made, and what they may cost. Amounts of native coin are wei or lamports. */
export interface SettlementConfig {
  readonly waitMs: number;
  /** So many claims may wait for a signature in this process. */
  readonly queueMax: number;
  /** What no block has taken after this time is outbid. */
  readonly replaceAfterMs: number;
  readonly payerFailuresMax: number;
  /** Minor units of the token; smaller payments are refused. */
  readonly minimumAmount: bigint;
  readonly dailyBudget: { readonly eip155: bigint | undefined; readonly solana: bigint | undefined };
  readonly signerBalanceMin: { readonly eip155: bigint; readonly solana: bigint };
  /** What differs from the defaults of the EVM package. */
  readonly evmLimits: {
    readonly confirmations?: number;
    readonly finalityDepth?: number;
    readonly gasLimitMax?: bigint;
    readonly maxFeePerGasWei?: bigint;
  };
  readonly svmLimits: { readonly commitment?: 'confirmed' | 'finalized' };
}

/** A thousand settlements on Base at usual fees, and on Solana. */
const signerBalanceMin = { eip155: 100_000_000_000_000n, solana: 5_000_000n };

export function readSettlementConfig(read: ReadVariables): SettlementConfig {
  return {
    waitMs: read.SETTLE_WAIT_MS ?? 20_000,
    queueMax: read.SETTLE_QUEUE_MAX ?? 5_000,
    replaceAfterMs: read.REPLACE_AFTER_MS ?? 15_000,
    payerFailuresMax: read.PAYER_FAILURES_MAX ?? 5,
    minimumAmount: read.MINIMUM_AMOUNT ?? 1n,
    dailyBudget: { eip155: read.EVM_DAILY_BUDGET_WEI, solana: read.SVM_DAILY_BUDGET_LAMPORTS },
    signerBalanceMin: {
      eip155: read.EVM_SIGNER_BALANCE_MIN_WEI ?? signerBalanceMin.eip155,
      solana: read.SVM_SIGNER_BALANCE_MIN_LAMPORTS ?? signerBalanceMin.solana,
    },
    evmLimits: given({
      confirmations: read.EVM_CONFIRMATIONS,
      finalityDepth: read.EVM_FINALITY_DEPTH,
      gasLimitMax: read.EVM_GAS_LIMIT_MAX,
      maxFeePerGasWei: read.EVM_MAX_FEE_PER_GAS_WEI,
    }),
    svmLimits: given({ commitment: read.SVM_COMMITMENT }),
  };
}

type Given<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what is absent. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
