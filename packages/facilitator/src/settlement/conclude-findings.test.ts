import { baseSepolia, Fault, type Chain } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { createConcluding, type Finding, type Followed } from './conclude-findings.js';

const done: Finding = {
  leg: undefined,
  observation: {
    state: 'failed',
    rejection: { reason: 'unexpected_settle_error', detail: 'It did nothing' },
    block: { number: 1n, hash: '0xb1' },
    feePaid: 1n,
  },
};

const followed = (id: string): Followed => {
  const sent: SentTransaction = { id, raw: new Uint8Array(), signer: '0xsigner', network: baseSepolia, legs: [] };
  return { sent, settled: new Set() };
};

/** Concludes three transactions, where `close` fails for those whose id is `bad`; answers how often it was called, and what is over. */
async function conclude(trouble: Error) {
  let calls = 0;
  const concludeAll = createConcluding({
    chain: { network: baseSepolia } as Chain,
    settle: () => Promise.resolve(),
    close: (closings: readonly Closing[]) => {
      calls += 1;
      const ids = closings.map(({ sent }) => sent.id);
      return ids.includes('bad') ? Promise.reject(trouble) : Promise.resolve(ids);
    },
    log: createLogger({ level: 'silent' }),
  });
  const { over } = await concludeAll(new Map(['one', 'bad', 'other'].map((id) => [followed(id), [done]])));
  return { calls, over };
}

test('a transaction that cannot be closed does not keep the others open', async () => {
  expect(await conclude(new Fault('LEDGER_KEY_REUSED', {}))).toEqual({ calls: 4, over: ['one', 'other'] });
});

test('without the database it is asked once', async () => {
  expect(await conclude(new Fault('DATABASE_UNAVAILABLE', {}))).toEqual({ calls: 1, over: [] });
});
