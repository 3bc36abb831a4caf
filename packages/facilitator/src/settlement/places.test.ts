import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger } from '@tollkeeper/ledger';
import { baseSepolia, type Chain, type ReplacementPlan } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { createLogger } from '../logging/logger.js';
import { storeSigned } from './chain-transactions.js';
import type { HeldLane } from './lanes.js';
import { createPlaces } from './places.js';
import { sendTogether } from './send-together.js';
import { createSponsorship } from './sponsorship.js';

const network = baseSepolia;
const processId = randomUUID();
let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

/** A lane of this process that gave out the places up to five; the chain wants the third next. */
async function openLane(): Promise<HeldLane> {
  const signer = randomUUID();
  await testDatabase.database.sql`
    INSERT INTO lane (network, signer, next_account_nonce, holder, lease_until, fencing_token)
    VALUES (${network}, ${signer}, 5, ${processId}::uuid, now() + interval '1 hour', 1)`;
  return { signer, fencingToken: 1n };
}

const signedBy = (signer: string, accountNonce = -1n) => ({
  id: randomUUID(),
  raw: new Uint8Array([1]),
  signer,
  accountNonce,
});

/** Looks at a lane while the node takes nothing that is sent to it, and answers the places for which something is sent meanwhile. */
async function lookWhileSendingHangs(lane: HeldLane): Promise<readonly unknown[]> {
  const { database } = testDatabase;
  const [sent, followed]: [unknown[], unknown[]] = [[], []];
  let letThrough = () => {};
  const hanging = new Promise<void>((resolve) => (letThrough = resolve));
  const plan = (signer: string): ReplacementPlan => ({
    signer,
    ordered: true,
    maximumFee: 1n,
    addedFee: 0n,
    sign: (accountNonce) => signedBy(signer, accountNonce),
  });
  const chain: Partial<Chain> = {
    network,
    nextAccountNonce: () => Promise.resolve(3n),
    fill: (signer) => Promise.resolve(plan(signer)),
    replace: ({ signer }) => Promise.resolve(plan(signer)),
    async broadcast({ accountNonce }) {
      sent.push(accountNonce);
      await hanging;
      return { accepted: false, detail: 'The node did not answer' };
    },
  };
  const places = createPlaces({
    database,
    ledger: createLedger({ database }),
    chain: chain as Chain,
    processId,
    sponsorship: createSponsorship({ network, dailyBudget: () => undefined }),
    replaceAfterMs: 0,
    track: ({ accountNonce }) => followed.push(accountNonce),
    close: () => Promise.resolve([]),
    onEvent: () => undefined,
    events: { onResend: () => undefined },
    log: createLogger({ level: 'silent' }),
  });
  const look = places.look([lane]);
  await eventually(() => expect(sent).toHaveLength(2));
  const meanwhile = [...sent];
  expect(followed).toEqual([]);
  letThrough();
  await look;
  expect(followed).toEqual(sent);
  return meanwhile;
}

test('a node that hangs when it is sent to is not waited for by each stuck place in turn', async () => {
  const lane = await openLane();
  const transactions = [3n, 4n].map((place) => ({ signed: signedBy(lane.signer, place), paymentIds: [] }));
  await storeSigned(testDatabase.database.sql, { network, transactions });
  expect(await lookWhileSendingHangs(lane)).toEqual([3n, 4n]);
});

test('nor by each empty place', async () => {
  expect(await lookWhileSendingHangs(await openLane())).toEqual([3n, 4n]);
});

test('trouble with one place keeps nothing that is stored for another from being sent', async () => {
  const sent: number[] = [];
  const store = (place: number) =>
    place === 2 ? Promise.reject(new Error('no database')) : Promise.resolve(async () => void sent.push(place));
  await expect(sendTogether([1, 2, 3], store)).rejects.toThrow('no database');
  expect(sent).toEqual([1]);
});
