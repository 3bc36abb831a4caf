import { BASE_SEPOLIA_USDC, contractCode, gasBurnerTokenAbi, sandboxKeys } from '@tollkeeper/sandbox';
import { amount, type Payment } from '@tollkeeper/protocol';
import { Interface } from 'ethers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { offeredPayment, type TransferOffer } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { TransferPayload } from '../exact/payload.js';
import { readPayerSignature } from '../exact/payer-signature.js';
import { transferCall } from '../exact/token-calls.js';
import {
  executionGas,
  maximumTransfers,
  programGas,
  readFindings,
  simulationProgram,
  type SimulatedTransfer,
  type TransferFinding,
} from './simulation-program.js';

const { merchant, facilitator } = sandboxKeys.evm;
const from = facilitator.address;
let setup: EvmSetup;

beforeAll(async () => {
  setup = await startEvmSetup();
});
afterAll(() => setup.stop());

type Hex = `0x${string}`;
type Offer = Partial<TransferOffer> & { privateKey: Hex };

/** What goes into the program for a payment; `from` as the wire has it. */
async function transferOf(offer: Offer): Promise<SimulatedTransfer> {
  const full = { token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n, ...offer };
  const payment: Payment = await offeredPayment(full);
  const { authorization, signature } = TransferPayload.parse(payment.payload);
  const domain = { name: 'USDC', version: '2', chainId: 84_532n, token: full.token };
  const { network } = payment.requirements;
  const terms = { network, token: full.token, payTo: full.payTo, amount: amount(full.value), domain };
  const transfer = { terms, authorization, signature: readPayerSignature(signature), signedBy: authorization.from };
  const { to, data } = transferCall(transfer);
  return { token: to, data };
}

/** What it found, without what it measured. */
async function runTogether(transfers: readonly SimulatedTransfer[], gas?: bigint) {
  return (await measureTogether(transfers, gas))?.map(withoutMeasure);
}

function withoutMeasure(finding: TransferFinding | undefined) {
  if (finding === undefined) return undefined;
  const { gasUsed, block, ...found } = finding;
  expect([typeof gasUsed, typeof block]).toEqual(['bigint', 'bigint']);
  return found;
}

async function measureTogether(transfers: readonly SimulatedTransfer[], gas?: bigint) {
  const gasEach = executionGas(300_000n);
  const call = {
    from,
    data: simulationProgram(transfers, gasEach),
    gas: `0x${(gas ?? programGas(transfers.length, gasEach)).toString(16)}`,
  };
  return readFindings((await setup.anvil.rpc('eth_call', [call, 'latest'])) as string, transfers.length);
}

const good = { executes: true, payerHasCode: false, tokenHasCode: true };
const failing = { ...good, executes: false };

async function burnerToken(gasToBurn: bigint): Promise<Hex> {
  const { anvil } = setup;
  const token = await anvil.deployToken({ kind: 'gas-burner', name: 'USDC', symbol: 'U', version: '2', decimals: 6 });
  const burner = new Interface(JSON.stringify(gasBurnerTokenAbi));
  await anvil.asTokenOwner({ to: token, data: burner.encodeFunctionData('setGasToBurn', [gasToBurn]) as Hex });
  return token;
}

describe('the transfers of one program do not see each other', () => {
  test('each of two that only together exceed the balance executes', async () => {
    const payer = await setup.payer({ amount: 10_000n });
    expect(await runTogether([await transferOf(payer), await transferOf(payer)])).toEqual([good, good]);
  });

  test('the same authorization executes twice, because it was not used in between', async () => {
    const transfer = await transferOf(await setup.payer());
    expect(await runTogether([transfer, transfer])).toEqual([good, good]);
  });

  test('money that one of them brings is not there for the next', async () => {
    const [rich, broke] = [await setup.payer(), await setup.payer({ amount: 0n })];
    const gift = await transferOf({ ...rich, payTo: broke.address });
    expect(await runTogether([gift, await transferOf(broke), gift])).toEqual([good, failing, good]);
  });

  test('one that burns all gas it is given takes nothing from the others', async () => {
    const token = await burnerToken(10_000_000n);
    const burning = await transferOf({ ...(await setup.payer({ token })), token });
    const plain = await transferOf(await setup.payer());
    expect(await runTogether([burning, plain, burning, burning, plain])).toEqual([
      failing,
      good,
      failing,
      failing,
      good,
    ]);
  });

  test('none may use more gas than its own transaction has, however often its storage was read before', async () => {
    const usedAlone = async (transfer: SimulatedTransfer) => {
      const call = { from, to: transfer.token, data: transfer.data };
      return BigInt((await setup.anvil.rpc('eth_estimateGas', [call])) as string);
    };
    const token = await burnerToken(180_000n);
    const payer = await setup.payer({ token });
    const transfer = await transferOf({ ...payer, token });
    const used = await usedAlone(transfer);
    expect(used).toBeGreaterThan(230_000n);
    const transfers = Array.from({ length: 8 }, () => transfer);
    // The loop of the token ends between two of its rounds, so that the limit is met within a few hundred gas.
    for (const [limit, finding] of [
      [used - 1500n, failing],
      [used + 4000n, good],
    ] as const) {
      const data = simulationProgram(transfers, executionGas(limit));
      const answer = await setup.anvil.rpc('eth_call', [{ from, data, gas: '0xf42400' }, 'latest']);
      expect(readFindings(answer as string, 8)?.map(withoutMeasure)).toEqual(transfers.map(() => finding));
    }
  });
});

describe('the gas that is measured', () => {
  test('is the same for each of many, whoever stands before it, and never less than alone', async () => {
    const [one, other] = await Promise.all([setup.payer(), setup.payer()]);
    const [transfer, second] = [await transferOf(one), await transferOf(other)];
    const transfers = [transfer, second, transfer, second, transfer];
    const findings = (await measureTogether(transfers)) ?? expect.fail('no findings');
    const [first, ...others] = findings;
    expect([others[1], others[3]]).toEqual([first, first]);
    expect(others[0]).toEqual(others[2]);
    expect(Math.abs(Number(others[0]?.gasUsed) - Number(first?.gasUsed))).toBeLessThan(200);
    const call = { from, to: transfer.token, data: transfer.data };
    const alone = BigInt((await setup.anvil.rpc('eth_estimateGas', [call])) as string);
    const calldata = Buffer.from(transfer.data.slice(2), 'hex').reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0);
    const measured = 21_000n + BigInt(calldata) + (first?.gasUsed ?? 0n);
    expect(measured).toBeGreaterThanOrEqual(alone);
    expect(measured).toBeLessThan(alone + 4_000n);
  });

  test('is that of the newest block, which is named', async () => {
    const payer = await setup.payer();
    await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: merchant.address, amount: 1n });
    const newPayee = { ...payer, payTo: privateKeyToAddress(generatePrivateKey()) };
    const [usual, first] = (await measureTogether([await transferOf(payer), await transferOf(newPayee)])) ?? [];
    expect(Math.abs(Number(first?.gasUsed) - Number(usual?.gasUsed) - 17_100)).toBeLessThan(200);
    expect(first?.block).toBe(BigInt((await setup.anvil.rpc('eth_blockNumber')) as string));
  });
});

describe('the program', () => {
  test('tells of code at the payer and at the token', async () => {
    const [wallet, delegating, plain] = [await setup.payer(), await setup.payer(), await setup.payer()];
    await setup.anvil.rpc('anvil_setCode', [wallet.address, contractCode.multicall3]);
    await setup.anvil.rpc('anvil_setCode', [delegating.address, `0xef0100${'11'.repeat(20)}`]);
    const nowhere = '0x00000000000000000000000000000000000000ff';
    const findings = await runTogether([
      await transferOf(wallet),
      await transferOf(delegating),
      await transferOf({ ...plain, token: nowhere }),
      await transferOf(plain),
    ]);
    expect(findings?.map((finding) => finding?.payerHasCode)).toEqual([true, true, false, false]);
    expect(findings?.map((finding) => finding?.tokenHasCode)).toEqual([true, true, false, true]);
  });

  test('takes as many transfers as it promises, within the limits for init code and gas', async () => {
    const payer = await setup.payer();
    const transfer = await transferOf(payer);
    const transfers = Array.from({ length: maximumTransfers }, () => transfer);
    const gasEach = executionGas(300_000n);
    expect(simulationProgram(transfers, gasEach).length / 2).toBeLessThan(49_152);
    expect(programGas(maximumTransfers, gasEach)).toBe(16_777_216n);
    expect(await runTogether(transfers)).toEqual(transfers.map(() => good));
  });

  test('says nothing of the transfers that it has no gas for', async () => {
    const token = await burnerToken(200_000n);
    const burning = await transferOf({ ...(await setup.payer({ token })), token });
    const plain = await transferOf(await setup.payer());
    const transfers = [plain, burning, plain, burning, plain, plain];
    const told = [];
    expect(await runTogether(transfers, 200_000n)).toBeUndefined();
    for (const gas of [500_000n, 600_000n, 800_000n, 1_000_000n, 1_500_000n]) {
      const findings = (await runTogether(transfers, gas)) ?? expect.fail('no findings');
      const known = findings.filter((finding) => finding !== undefined);
      expect(findings).toEqual([...known.map(() => good), ...transfers.slice(known.length).map(() => undefined)]);
      told.push(known.length);
    }
    expect(told).toEqual(told.toSorted());
    expect(told.at(-1)).toBe(6);
    expect(new Set(told).size).toBeGreaterThan(3);
  });

  test('has answers that are no findings', () => {
    const block = '2a'.padStart(64, '0');
    const measured = { ...good, gasUsed: 65_540n, block: 42n };
    expect(readFindings('0x', 1)).toBeUndefined();
    expect(readFindings(`0x${block}`, 1)).toBeUndefined();
    expect(readFindings(`0x8501000485010004${block}`, 1)).toBeUndefined();
    expect(readFindings(`0x00010004${block}`, 1)).toBeUndefined();
    expect(readFindings(`0xff010004${block}`, 1)).toBeUndefined();
    expect(readFindings(`0x0000000085010004${block}`, 2)).toEqual([undefined, measured]);
    expect(readFindings(`0x85010004${block}`, 1)).toEqual([measured]);
  });

  test('gives a transaction no more gas than it has left, or than there is', () => {
    expect(executionGas(20_000n)).toBe(0n);
    expect(executionGas(300_000n)).toBe(274_328n);
    expect(programGas(1, executionGas(10n ** 12n))).toBeLessThan(16_777_216n);
  });
});
