import type { Database } from '@tollkeeper/database';
import { operatorOwner, type Ledger } from '@tollkeeper/ledger';
import { nativeAsset, type Amount, type Network } from '@tollkeeper/protocol';
import type { CustodyNetwork } from './deposit-addresses.js';

/** A deposit address that cannot receive a token yet. */
export interface UnreadyAccount {
  readonly network: Network;
  readonly address: string;
  readonly token: string;
}

/** While somebody works on an account, others leave it alone; after a failure it rests as long. */
const busySeconds = 30;

export type DepositAccounts = ReturnType<typeof createDepositAccounts>;

/**
 * Makes deposit addresses able to receive tokens, where the chain asks for that, and books the rent that it takes. What is left
 * to do stands in rows, so whatever process comes next goes on where another one died; on chain everything may be repeated.
 */
export function createDepositAccounts(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly networks: readonly CustodyNetwork[];
}) {
  const { database, ledger, networks } = parts;
  return { prepare, unreadyOf, takeUnready };

  /** @throws Fault `CHAIN_RPC_UNAVAILABLE`; `INTERNAL` when our account cannot pay the rent */
  async function prepare(account: UnreadyAccount): Promise<void> {
    const { network, address, token } = account;
    const chain = networks.find((each) => each.chain.network === network)?.chain;
    if (chain === undefined) return;
    await conclude(account, await chain.prepareToReceive({ asset: { network, token }, owner: address }));
  }

  /** Once for each account: whoever comes second finds it ready. */
  async function conclude({ network, address, token }: UnreadyAccount, rent: Amount): Promise<void> {
    await database.transaction(async (sql) => {
      const locked = await sql`
        SELECT FROM deposit_account
        WHERE network = ${network} AND address = ${address} AND token = ${token} AND ready_at IS NULL
        FOR UPDATE`;
      if (locked.length === 0) return;
      const journal = rent === 0n ? undefined : await ledger.post(sql, rentPosting({ network, address, token }, rent));
      await sql`
        UPDATE deposit_account SET ready_at = now(), rent = ${rent}, rent_journal_id = ${journal?.journalId ?? null}
        WHERE network = ${network} AND address = ${address} AND token = ${token}`;
    });
  }

  /** What a wallet's addresses cannot receive yet. */
  async function unreadyOf(walletId: string): Promise<readonly UnreadyAccount[]> {
    return database.sql<UnreadyAccount>`
      SELECT network, address, token FROM deposit_account JOIN deposit_address USING (network, address)
      WHERE wallet_id = ${walletId}::uuid AND ready_at IS NULL`;
  }

  /** Takes up to so many unready accounts for itself, for a while; other processes take others. */
  async function takeUnready(limit: number): Promise<readonly UnreadyAccount[]> {
    return database.sql<UnreadyAccount>`
      UPDATE deposit_account SET busy_until = now() + make_interval(secs => ${busySeconds})
      WHERE (network, address, token) IN (
        SELECT network, address, token FROM deposit_account
        WHERE ready_at IS NULL AND network = ANY(${networks.map(({ chain }) => chain.network)}::text[])
          AND (busy_until IS NULL OR busy_until < now())
        LIMIT ${limit} FOR UPDATE SKIP LOCKED
      )
      RETURNING network, address, token`;
  }
}

function rentPosting({ network, address, token }: UnreadyAccount, rent: Amount) {
  return {
    scope: 'rent',
    key: `${network}/${address}/${token}`,
    legs: [
      {
        debit: { kind: 'rent', owner: address },
        credit: { kind: 'operator_funding', owner: operatorOwner },
        asset: nativeAsset(network),
        amount: rent,
      },
    ],
  } as const;
}
