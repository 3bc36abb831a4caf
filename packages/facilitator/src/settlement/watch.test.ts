import { baseSepolia, type Chain } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { createLogger } from '../logging/logger.js';
import type { Leg, SentTransaction } from './chain-transactions.js';
import { createWatch } from './watch.js';

const leg = { paymentId: 'payment', expected: {} } as Leg;

const sent = (id: string): SentTransaction => ({
  id,
  raw: new Uint8Array(),
  signer: '0xsigner',
  network: baseSepolia,
  legs: [leg],
});

/** Looks all the time, and sends again what it may. */
function openWatch(chain: Partial<Chain>, onResend: () => void) {
  return createWatch({
    chain: { network: baseSepolia, ...chain } as Partial<Chain> as Chain,
    settle: () => Promise.resolve(),
    close: () => Promise.resolve([]),
    log: createLogger({ level: 'silent' }),
    pollMs: 1,
    resendMs: 0,
    events: { onResend },
  });
}

test('what the chain does not show is sent again side by side, so that a node that hangs is not waited for by each in turn', async () => {
  const resent: string[] = [];
  let counted = 0;
  let hang = false;
  const watch = openWatch(
    {
      observe: (submitted) => Promise.resolve(submitted.map(() => ({ state: 'pending' }))),
      async broadcast({ id }) {
        resent.push(id);
        await eventually(() => expect(hang).toBe(false));
        return { accepted: false, detail: 'The node did not answer' };
      },
    },
    () => (counted += 1),
  );
  const ids = Array.from({ length: 64 }, (_, index) => `0x${index}`);
  for (const id of ids) watch.track(sent(id));

  await eventually(() => expect(new Set(resent)).toEqual(new Set(ids)));
  hang = true;
  resent.length = 0;
  await eventually(() => expect(resent).toHaveLength(32));
  expect(counted).toBeGreaterThanOrEqual(64 + 32);
  hang = false;
  await watch.stop();
});

test('however many the chain does not tell about in a row, the others are told of', async () => {
  const closed: string[] = [];
  const chain: Partial<Chain> = {
    network: baseSepolia,
    observe: (submitted) =>
      submitted.some(({ id }) => id !== 'healthy')
        ? Promise.reject(new Error('The node does not tell'))
        : Promise.resolve([{ state: 'expired', rejection: { reason: 'unexpected_settle_error', detail: 'expired' } }]),
  };
  const watch = createWatch({
    chain: chain as Chain,
    settle: () => Promise.resolve(),
    close(closings) {
      const ids = closings.map((closing) => closing.sent.id);
      closed.push(...ids);
      return Promise.resolve(ids);
    },
    log: createLogger({ level: 'silent' }),
    pollMs: 1,
    resendMs: 60_000,
    events: { onResend: () => undefined },
  });
  for (const id of ['0x1', '0x2', '0x3', '0x4', 'healthy', '0x5']) watch.track(sent(id));

  await eventually(() => expect(closed).toEqual(['healthy']));
  await watch.stop();
});

test('what a block holds already is not sent again while that does not count yet', async () => {
  const resent: string[] = [];
  let looks = 0;
  const watch = openWatch(
    {
      observe(submitted) {
        looks += 1;
        return Promise.resolve(
          submitted.map(({ id }) => ({ state: 'pending', ...(id === '0x1' && { inBlock: true }) })),
        );
      },
      broadcast({ id }) {
        resent.push(id);
        return Promise.resolve({ accepted: true });
      },
    },
    () => undefined,
  );
  for (const id of ['0x1', '0x2']) watch.track(sent(id));

  await eventually(() => expect(looks).toBeGreaterThan(3));
  await watch.stop();
  expect(new Set(resent)).toEqual(new Set(['0x2']));
});
