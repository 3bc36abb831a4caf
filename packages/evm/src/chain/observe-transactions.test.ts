import { amount, baseSepolia, systemClock } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { createObservation } from './observe-transactions.js';

const token = BASE_SEPOLIA_USDC;
const payTo = sandboxKeys.evm.merchant.address;
const block = { number: 1n, hash: '0xb1' };

let setup: EvmSetup;

beforeAll(async () => {
  setup = await startEvmSetup();
});
afterAll(() => setup.stop());

/** Not every token reverts where an authorization was used before. */
test('a lone transaction that succeeds and says nothing is settled by the transfer of who was faster', async () => {
  const { privateKey } = await setup.payer({ token });
  const { submitted } = await setup.network().sign(await offeredPayment({ privateKey, token, payTo, value: 10_000n }));
  const effect = {
    transaction: '0xstranger',
    position: '1',
    asset: { network: baseSepolia, token },
    from: '0xpayer',
    to: payTo,
    amount: amount(10_000n),
    block,
  };
  const observe = (found: typeof effect | undefined) =>
    createObservation({
      network: baseSepolia,
      node: silentSuccessOf(submitted.id),
      clock: systemClock,
      confirmations: 1,
      findForeignTransfers: (claims) => Promise.resolve(claims.map(() => found)),
      onWarning: (message) => expect.fail(message),
    })([submitted]);

  expect(await observe(effect)).toEqual([{ state: 'transferred', effect, feePaid: 1n }]);
  expect(await observe(undefined)).toMatchObject([
    { state: 'failed', rejection: { reason: 'invalid_exact_evm_transfer_event_mismatch' } },
  ]);
});

/** A node whose newest block holds the transaction, which has succeeded without a log. */
function silentSuccessOf(transaction: string): EvmNode {
  const node = {
    onOneEndpoint: (work: (one: EvmNode) => unknown) => work(node as unknown as EvmNode),
    blockContents: () => Promise.resolve({ ...block, parentHash: '0xb0', transactions: [transaction] }),
    receipt: () => Promise.resolve({ block, succeeded: true, feePaid: 1n, logs: [], transaction }),
    block: () => Promise.resolve(block),
  };
  return node as unknown as EvmNode;
}
