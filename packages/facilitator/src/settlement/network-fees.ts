import type { Sql } from '@tollkeeper/database';
import { operatorOwner, type Ledger, type Posting } from '@tollkeeper/ledger';
import { amount, nativeAsset, type Network } from '@tollkeeper/protocol';

/** What a chain charged for a transaction of ours. */
export interface NetworkFee {
  readonly network: Network;
  readonly transaction: string;
  readonly signer: string;
  /** Wei or lamports. */
  readonly paid: bigint;
  /** How often the transaction was opened again before: each time in a block is charged by itself. */
  readonly reopened: number;
}

interface Books {
  readonly sql: Sql;
  readonly ledger: Ledger;
}

/** What the chain charged leaves what the operator provided for it. */
export async function bookFees({ sql, ledger }: Books, fees: readonly NetworkFee[]): Promise<void> {
  const charged = fees.filter(({ paid }) => paid > 0n);
  if (charged.length > 0) await ledger.postAll(sql, charged.map(postingOf));
}

/** A transaction that a reorg dropped has cost nothing. */
export async function takeBackFees({ sql, ledger }: Books, fees: readonly NetworkFee[]): Promise<void> {
  for (const posting of fees.filter(({ paid }) => paid > 0n).map(postingOf)) {
    // To post what was posted before changes nothing, and tells its journal.
    const { journalId } = await ledger.post(sql, posting);
    await ledger.post(sql, {
      scope: 'network_fee_reversal',
      key: posting.key,
      legs: posting.legs.map((leg) => ({ ...leg, debit: leg.credit, credit: leg.debit })),
      reverses: journalId,
    });
  }
}

function postingOf({ network, transaction, signer, paid, reopened }: NetworkFee): Posting {
  return {
    scope: 'network_fee',
    key: reopened === 0 ? `${network}/${transaction}` : `${network}/${transaction}/${reopened}`,
    legs: [
      {
        debit: { kind: 'gas_spent', owner: signer },
        credit: { kind: 'operator_funding', owner: operatorOwner },
        asset: nativeAsset(network),
        amount: amount(paid),
      },
    ],
  };
}
