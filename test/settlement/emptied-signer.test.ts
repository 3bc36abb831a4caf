import { sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { freshRequest, settle } from '../support/wire.js';

const { facilitator: first, facilitator2: second } = sandboxKeys.evm;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({
      EVM_PRIVATE_KEY: [first.privateKey, second.privateKey].join(),
      EVM_SIGNER_BALANCE_MIN_WEI: '1000000000000000000',
      REPLACE_AFTER_MS: '1000',
      SETTLE_WAIT_MS: '60000',
    }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());

test('a payment whose place was taken by who has emptied the signer, too, goes to another lane', async () => {
  const { evm, evmRpc } = facilitator;
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const letThrough = evmRpc.use(({ method }) =>
    method === 'eth_sendRawTransaction' ? { kind: 'error', code: -32_000, message: 'txpool is full' } : undefined,
  );
  const answer = settle(facilitator.url(), request);
  const signer = await eventually(signerOfPending);
  await evm.rpc('anvil_setBalance', [signer, numberToHex(5n * 10n ** 17n)]);
  await eventually(async () => expect(await metricOf(facilitator.url(), 'tollkeeper_signers_short_of_funds')).toBe(1));
  await evm.rpc('anvil_impersonateAccount', [signer]);
  await evm.rpc('eth_sendTransaction', [{ from: signer, to: signer, value: '0x1' }]);
  await resumeTime(facilitator, 'EVM');
  letThrough();

  expect((await answer).body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  expect(await facilitator.bookProblems()).toEqual([]);
});

async function signerOfPending(): Promise<string> {
  const [row] = await facilitator.database.database.sql<{ signer: string }>`
    SELECT signer FROM chain_transaction WHERE state = 'pending'`;
  return row?.signer ?? expect.fail('nothing is signed');
}
