import { createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { settleApart } from '../support/gather.js';
import { metricOf } from '../support/metrics.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  journalsOf,
  rawOf,
  reorgKeeping,
  reported,
  slowlyFinal,
  walletOf,
  type Paid,
} from './finality-scene.js';

const secondSigner = generatePrivateKey();

let facilitator: TestFacilitator;

beforeAll(async () => {
  const keys = [sandboxKeys.evm.facilitator.privateKey, secondSigner].join(',');
  const env = () => ({ EVM_PRIVATE_KEY: keys });
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, env, overrides: eager });
  await facilitator.evm.fundEth(privateKeyToAddress(secondSigner), 10n ** 18n);
  await facilitator.restart(eager);
  await eventually(async () => expect(await metricOf(facilitator.url(), 'tollkeeper_lanes_held')).toBe(2));
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await expectSoundBooks(facilitator);
});

const ways = [
  { how: "into each other's blocks", placeOfEarlier: 1 },
  { how: 'into one block, the later one first', placeOfEarlier: 0 },
];
const reorders = [2, 3, 4, 5].flatMap((depth) => ways.map((way) => ({ depth, ...way })));

test.each(reorders)(
  'a reorg of $depth blocks that puts the transactions of two lanes $how only moves their payments',
  async ({ depth, placeOfEarlier }) => {
    const before = await walletOf(facilitator);
    const [earlier, later] = await payOneAfterTheOther();
    if (depth > 2) await facilitator.evm.mine(depth - 2);
    const journals = await journalsOf(facilitator);
    const raws = await Promise.all([later, earlier].map((each) => rawOf(facilitator.evm, each.transaction)));
    const [rawOfLater, rawOfEarlier] = raws;
    if (rawOfLater === undefined || rawOfEarlier === undefined) return expect.fail('there are two');
    await reorgKeeping(facilitator, depth, [
      [rawOfLater, 0],
      [rawOfEarlier, placeOfEarlier],
    ]);
    for (const each of [earlier, later]) {
      const { transaction } = each;
      const receipt = (await facilitator.evm.rpc('eth_getTransactionReceipt', [transaction])) as { blockHash: string };
      await reported(facilitator, each, {
        finality: 'confirmed',
        credited: true,
        transaction,
        blockHash: receipt.blockHash,
      });
    }
    const [first, second] = await Promise.all([later, earlier].map(placeOf));
    expect(first).toBeLessThan(second ?? 0);
    expect(await journalsOf(facilitator)).toEqual(journals);
    await facilitator.evm.mine(blocksToFinality);
    for (const each of [earlier, later]) await reported(facilitator, each, { finality: 'final', credited: true });
    expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 20_000n });
  },
);

/** Two payments by transactions of two signers, in two blocks. */
async function payOneAfterTheOther(): Promise<readonly [Paid, Paid]> {
  const { evm, evmRpc, wallet } = facilitator;
  const payers = [await createPayer(evm, { payTo: wallet.evm }), await createPayer(evm, { payTo: wallet.evm })];
  const gate = createRpcGate();
  evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'hold', gate }, [1]));
  const answers = await settleApart(
    facilitator,
    payers.map(({ request }) => request),
  );
  const paid = answers.map(async (answer): Promise<Paid> => {
    const { body } = await answer;
    expect(body).toMatchObject({ success: true });
    return { paymentId: String(body.extra?.['paymentId']), transaction: body.transaction };
  });
  const earlier = await Promise.race(paid);
  gate.open();
  const both = await Promise.all(paid);
  const later = both.find(({ paymentId }) => paymentId !== earlier.paymentId) ?? expect.fail('there are two');
  const signers = await Promise.all(
    both.map(async ({ transaction }) => {
      const { from } = (await evm.rpc('eth_getTransactionByHash', [transaction])) as { from: string };
      return from;
    }),
  );
  expect(new Set(signers).size).toBe(2);
  expect(await placeOf(later)).toBeGreaterThan(await placeOf(earlier));
  return [earlier, later];
}

/** Where a transaction is on the chain; what comes later has a greater number. */
async function placeOf({ transaction }: Paid): Promise<number> {
  const receipt = (await facilitator.evm.rpc('eth_getTransactionReceipt', [transaction])) as {
    blockNumber: string;
    transactionIndex: string;
  };
  return 1_000 * Number(receipt.blockNumber) + Number(receipt.transactionIndex);
}
