import type { Sql } from '@tollkeeper/database';

/**
 * Holds the ledger against itself, from the transfers and holds alone, and names every difference: debits and credits of each
 * asset, each balance and the sum of its transfers, held money and the open holds, overdrawn accounts, escrow and the pending
 * transfers, what was refunded of each charge, journals without legs.
 */
export async function findLedgerProblems(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ problem: string }>`
    SELECT 'asset ' || token || ': debits and credits differ' AS problem FROM trial_balance WHERE debit <> credit
    UNION ALL
    SELECT 'account ' || account_id || ': its balance is not the sum of its transfers' FROM balance
    WHERE debit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit_account_id = balance.account_id)
       OR credit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit_account_id = balance.account_id)
    UNION ALL
    SELECT 'account ' || account_id || ': held is not the sum of its open holds' FROM balance
    WHERE held <> (SELECT coalesce(sum(amount), 0) FROM hold WHERE hold.account_id = balance.account_id AND state = 'open')
    UNION ALL
    SELECT 'account ' || account_id || ': overdrawn' FROM balance
    WHERE NOT may_overdraw
      AND CASE normal_side WHEN 'credit' THEN credit - debit ELSE debit - credit END - held < 0
    UNION ALL
    SELECT 'account ' || account.id || ': escrow is not the sum of the pending transfers' FROM account
    JOIN balance ON balance.account_id = account.id
    WHERE account.kind = 'transfer_escrow' AND balance.credit - balance.debit <> (
      SELECT coalesce(sum(amount), 0) FROM wallet_transfer
      WHERE sender_wallet_id::text = account.owner AND wallet_transfer.asset_id = account.asset_id AND state = 'pending'
    )
    UNION ALL
    SELECT 'charge ' || id || ': what was refunded is not the sum of its refunds' FROM charge
    WHERE refunded <> (SELECT coalesce(sum(amount), 0) FROM charge_refund WHERE charge_id = charge.id)
    UNION ALL
    SELECT 'captured hold ' || hold.id || ': not posted as captured' FROM hold
    LEFT JOIN journal ON journal.scope = 'hold' AND journal.idempotency_key = hold.id::text
    LEFT JOIN transfer ON transfer.journal_id = journal.id
    WHERE hold.state = 'captured' AND transfer.amount IS DISTINCT FROM hold.captured
       OR hold.state <> 'captured' AND journal.id IS NOT NULL
    UNION ALL
    SELECT 'transfer ' || wallet_transfer.id || ': its journals do not fit its state' FROM wallet_transfer
    WHERE (
      SELECT string_agg(split_part(idempotency_key, '/', 2), ' ' ORDER BY id) FROM journal
      WHERE scope = 'wallet_transfer' AND split_part(idempotency_key, '/', 1) = wallet_transfer.id::text
    ) IS DISTINCT FROM CASE
      WHEN expires_at IS NULL THEN 'sent'
      WHEN state = 'pending' THEN 'created'
      WHEN state = 'completed' THEN 'created claimed'
      ELSE 'created ' || state
    END
    UNION ALL
    SELECT 'journal ' || id || ': without a leg' FROM journal
    WHERE NOT EXISTS (SELECT FROM transfer WHERE transfer.journal_id = journal.id)`;
  return rows.map(({ problem }) => problem);
}
