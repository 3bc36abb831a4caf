import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { Transaction } from 'ethers';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';

const { facilitator, merchant } = sandboxKeys.evm;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
});
afterAll(() => setup.stop());

const newAddress = () => privateKeyToAddress(generatePrivateKey());

test.each([1, 2, 50, 200])('measure %i', async (count) => {
  for (const kind of ['existing', 'new', 'newall']) {
    if (kind === 'existing') await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: merchant.address, amount: 1n });
    const one = newAddress();
    const payments = await Promise.all(
      Array.from({ length: count }, async () => {
        const payer = await setup.payer();
        const payTo = kind === 'existing' ? merchant.address : kind === 'new' ? one : newAddress();
        return offeredPayment({ ...payer, token: BASE_SEPOLIA_USDC, payTo, value: 10_000n });
      }),
    );
    let t = performance.now();
    const [first, ...company] = await Promise.all(payments.map((payment) => evm.verify(payment)));
    const tv = performance.now() - t;
    if (first === undefined) return expect.fail('');
    t = performance.now();
    const planning = await first.plan({ signer: facilitator.address, company });
    if (!planning.planned) return expect.fail(JSON.stringify(planning.rejection));
    const tp = performance.now() - t;
    const nonce = await evm.chain.nextAccountNonce(facilitator.address);
    t = performance.now();
    const signed = planning.plan.sign(nonce);
    const ts = performance.now() - t;
    expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
    await setup.mined(signed.id);
    const receipt = (await setup.anvil.rpc('eth_getTransactionReceipt', [signed.id])) as {
      gasUsed: string;
      logs: unknown[];
      status: string;
    };
    const used = Number(receipt.gasUsed);
    const limit = Number(Transaction.from(`0x${Buffer.from(signed.raw).toString('hex')}`).gasLimit);
    console.log(kind, count, {
      used,
      each: used / count,
      limit,
      ratio: limit / used,
      logs: receipt.logs.length,
      status: receipt.status,
      bytes: signed.raw.length,
      room: first.room,
      tv,
      tp,
      ts,
    });
  }
});
