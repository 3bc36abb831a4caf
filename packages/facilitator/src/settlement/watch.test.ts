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
