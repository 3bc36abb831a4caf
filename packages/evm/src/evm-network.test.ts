import {
  type AcceptablePayment,
  baseSepolia,
  type Payment,
  type SchemeHandler,
  systemClock,
} from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, type EvmChain, sandboxKeys, startEvmChain } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { offeredPayment } from '../../../test/support/evm-payment.js';
import { createEvmNetwork, type EvmNetwork } from './index.js';

const { buyer, facilitator, merchant } = sandboxKeys.evm;
const offer = { privateKey: buyer.privateKey, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n };
let anvil: EvmChain;
let evm: EvmNetwork;
let exact: SchemeHandler;

beforeAll(async () => {
  anvil = await startEvmChain();
  await anvil.mint({ token: BASE_SEPOLIA_USDC, to: buyer.address, amount: 1_000_000n });
  evm = createEvmNetwork({
    network: baseSepolia,
    rpcUrl: anvil.url,
    signerKeys: [facilitator.privateKey],
    assets: [BASE_SEPOLIA_USDC.toLowerCase()],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: (message) => expect.fail(message),
  });
  exact = evm.schemes[0] ?? expect.fail('no scheme');
});

afterAll(() => anvil.stop());

function acceptable(payment: Payment): AcceptablePayment {
  const examination = exact.examine(payment);
  if (examination.kind !== 'acceptable') expect.fail(JSON.stringify(examination.rejection));
  return examination.payment;
}

test('a valid payment goes through every gate and its transfer is seen on chain', async () => {
  const payment = acceptable(await offeredPayment(offer));
  const verdict = await payment.verify();
  if (!verdict.valid) expect.fail(JSON.stringify(verdict.rejection));
  const planning = await verdict.payment.plan();
  if (!planning.planned) expect.fail(JSON.stringify(planning.rejection));
  const { plan } = planning;
  expect(plan).toMatchObject({ signer: facilitator.address, ordered: true });

  const nonce = await evm.chain.nextAccountNonce(plan.signer);
  const signed = plan.sign(nonce);
  expect(signed).toEqual(plan.sign(nonce));
  const expected = {
    asset: payment.authorization.asset,
    payer: buyer.address,
    payTo: merchant.address,
    amount: payment.authorization.amount,
  };
  const submitted = { id: signed.id, raw: signed.raw, expected };
  expect(await evm.chain.observe([submitted])).toEqual([{ state: 'pending' }]);
  expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
  expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
  const [seen] = await evm.chain.observe([submitted]);
  if (seen?.state !== 'transferred') expect.fail(JSON.stringify(seen));
  // USDC writes AuthorizationUsed first.
  expect(seen.effect).toMatchObject({
    transaction: signed.id,
    position: '1',
    from: buyer.address,
    to: merchant.address,
  });
  expect(seen.effect).toMatchObject({ amount: 10_000n, asset: { network: baseSepolia, token: BASE_SEPOLIA_USDC } });
  expect(seen.feePaid).toBeGreaterThan(0n);
  expect(await evm.chain.nextAccountNonce(plan.signer)).toBe((nonce ?? 0n) + 1n);
  expect(await evm.chain.tokenBalance({ asset: expected.asset, owner: merchant.address })).toBe(10_000n);
});
