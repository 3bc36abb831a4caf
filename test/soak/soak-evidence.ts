import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetScene } from '../fleet/fleet-scene.js';
import type { NetworkUnderTest } from './network-under-test.js';

/** What the processes print and what went wrong when, kept where a run failed. */
export function createSoakEvidence() {
  const folder = mkdtempSync(join(tmpdir(), 'tollkeeper-soak-'));
  const file = (name: string) => join(folder, name);
  return {
    logFile: (seat: string) => file(`${seat}.log`),
    note(line: string): void {
      appendFileSync(file('faults.log'), `${new Date().toISOString()} ${line}\n`);
    },
    /** Adds what the database and the chains have now, and tells where all of it is. */
    async keep(scene: FleetScene, networks: readonly NetworkUnderTest[]): Promise<void> {
      const state = await readState(scene, networks).catch((error: unknown) => ({ error: String(error) }));
      const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);
      writeFileSync(file('state.json'), JSON.stringify(state, asText, 2));
      process.stderr.write(`What the processes printed and what they left is in ${folder}\n`);
    },
    remove(): void {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The lanes, and the payments and transactions that are not as they should be at the end. */
async function readState(scene: FleetScene, networks: readonly NetworkUnderTest[]) {
  const { sql } = scene.database;
  const transfers = (await Promise.all(networks.map((network) => network.transfers()))).flat();
  const arrived = transfers.map(({ transaction }) => transaction);
  return {
    payments: await sql`
      SELECT id, network, state, claim_key, payer, transaction, retry_alone, lease_holder, lease_until, claimed_at, submitted_at,
        concluded_at, delivered_at, failure_reason, failure_detail
      FROM payment WHERE state <> 'settled' OR delivered_at IS NULL ORDER BY claimed_at`,
    transactions: await sql`
      SELECT id, network, signer, account_nonce, transaction, state, last_valid_block_height, purpose, replaces, fee_paid, signed_at, concluded_at,
        (SELECT jsonb_agg(payment_id) FROM transaction_leg WHERE transaction_id = chain_transaction.id) AS payments
      FROM chain_transaction
      WHERE state = 'pending' OR id IN (
        SELECT transaction_id FROM transaction_leg JOIN payment ON payment.id = payment_id WHERE payment.state <> 'settled')
      ORDER BY id`,
    transfersWithoutEffect: await sql`
      SELECT arrived.transaction, arrived.count, sent.state, sent.account_nonce,
        (SELECT jsonb_agg(payment_id) FROM transaction_leg WHERE transaction_id = sent.id) AS payments
      FROM (SELECT transaction, count(*) FROM unnest(${arrived}::text[]) AS transfer (transaction) GROUP BY transaction) AS arrived
      LEFT JOIN chain_transaction AS sent ON sent.transaction = arrived.transaction
      WHERE arrived.count <> (SELECT count(*) FROM effect WHERE effect.transaction = arrived.transaction AND reversed_at IS NULL)`,
    effects: await sql`SELECT * FROM effect WHERE reversed_at IS NOT NULL OR final_at IS NULL`,
    lanes: await sql`SELECT * FROM lane`,
    fees: await sql`SELECT signer, count(*), sum(fee_paid), max(fee_paid) FROM chain_transaction GROUP BY signer`,
    settlers: await sql`SELECT * FROM settler`,
    now: await sql`SELECT now()`,
    chains: await Promise.all(networks.map((network) => network.evidence())),
  };
}
