import { baseSepolia, systemClock, type SchemeHandler } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys, type RpcRule } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { createEvmNetwork } from '../index.js';

const { facilitator, merchant } = sandboxKeys.evm;
let setup: EvmSetup;
let scheme: SchemeHandler;

beforeAll(async () => {
  setup = await startEvmSetup();
  const { schemes } = createEvmNetwork({
    network: baseSepolia,
    rpcUrls: [setup.proxy.url],
    signerKeys: [facilitator.privateKey],
    assets: [BASE_SEPOLIA_USDC],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: () => undefined,
  });
  scheme = schemes[0] ?? expect.fail('no scheme');
  // Asked once more than the others, whether the node simulates at all.
  setup.proxy.use(withoutCompany);
  await (await examined()).verify();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

async function examined() {
  const payer = await setup.payer();
  const payment = await offeredPayment({ token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n, ...payer });
  const examination = await scheme.examine(payment);
  return examination.kind === 'acceptable' ? examination.payment : expect.fail(JSON.stringify(examination.rejection));
}

/** A node between two states: it says so often that the token refuses the transfer. */
function refusing(times: number): RpcRule {
  let left = times;
  return ({ method, params }) => {
    const [call] = params as readonly unknown[];
    if (method !== 'eth_call' && method !== 'eth_estimateGas') return undefined;
    if (!isTransfer(call)) return undefined;
    left -= 1;
    return left < 0 ? undefined : { kind: 'error', code: 3, message: 'execution reverted' };
  };
}

/** Simulations in company go to nobody, and what is asked of the token together goes to Multicall3. */
function isTransfer(call: unknown): boolean {
  return typeof call === 'object' && call !== null && 'to' in call && call.to === BASE_SEPOLIA_USDC;
}

/** Keeps simulations in company from finding anything. */
const withoutCompany: RpcRule = ({ method, params }) => {
  const [call] = params as readonly unknown[];
  if (method !== 'eth_call' || typeof call !== 'object' || call === null || 'to' in call) return undefined;
  return { kind: 'error', code: -32_602, message: 'missing value for required argument "to"' };
};

test.each([
  [1, { valid: true }],
  [2, { valid: false, rejection: { reason: 'invalid_exact_evm_transaction_simulation_failed' } }],
])('a transfer that fails %i times for no reason that the token tells: verified as %o', async (times, verdict) => {
  setup.proxy.use(withoutCompany);
  setup.proxy.use(refusing(times));
  expect(await (await examined()).verify()).toMatchObject(verdict);
});

test.each([
  [1, { planned: true }],
  [2, { planned: false, rejection: { reason: 'invalid_exact_evm_transaction_simulation_failed' } }],
])('an estimate that fails %i times for no reason that the token tells: planned as %o', async (times, result) => {
  setup.proxy.use(withoutCompany);
  const verdict = await (await examined()).verify();
  if (!verdict.valid) return expect.fail(verdict.rejection.detail);
  setup.proxy.use(refusing(times));
  expect(await verdict.payment.plan({ signer: facilitator.address, company: [] })).toMatchObject(result);
});
