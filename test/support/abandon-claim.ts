import { randomUUID } from 'node:crypto';
import { json } from '@tollkeeper/database';
import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import { callSettle } from './caller.js';
import { eventually } from './eventually.js';
import type { TestFacilitator } from './test-facilitator.js';
import type { WireRequest } from './wire.js';

/** Leaves the claim of a payment behind as a process does that dies before it signs, and whose lease has run out since. */
export async function abandonClaim(
  facilitator: TestFacilitator,
  request: WireRequest,
  { agoMs = Date.now(), claimedInMs = 0 }: { readonly agoMs?: number; readonly claimedInMs?: number } = {},
): Promise<void> {
  const { sql } = facilitator.database.database;
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const caller = await callSettle(facilitator.url(), request);
  await eventually(() => expect(gate.waiting()).toBeGreaterThan(0));
  const [claim] = await sql<{ row: unknown }>`SELECT to_jsonb(payment) AS row FROM payment WHERE state = 'claimed'`;
  caller.hangUp();
  await eventually(async () => expect(await sql`SELECT FROM payment WHERE state = 'claimed'`).toEqual([]));
  letPass();
  gate.open();
  const abandoned = {
    ...(claim?.row as object),
    id: randomUUID(),
    lease_holder: randomUUID(),
    lease_until: new Date(Date.now() - agoMs),
    claimed_at: new Date(Date.now() + claimedInMs),
  };
  await sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
      lease_holder, lease_until, claimed_at, claimed_at_block)
    SELECT id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
      lease_holder, lease_until, claimed_at, claimed_at_block
    FROM jsonb_populate_record(NULL::payment, ${json(abandoned)}::jsonb)`;
}
