import { createEvmNetwork, type EvmLimits } from '@tollkeeper/evm';
import {
  type AcceptablePayment,
  baseSepolia,
  type Clock,
  type Payment,
  type Rejection,
  type SignedTransaction,
  type SubmittedTransaction,
  systemClock,
  type VerifiedPayment,
} from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  type EvmChain,
  type RpcProxy,
  sandboxKeys,
  startEvmChain,
  startRpcProxy,
} from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import type { Address, Hex } from 'viem';

/** A local chain with a faulty-on-demand RPC in front of it, and whatever a test needs to pay on it. */
export type EvmSetup = Awaited<ReturnType<typeof startEvmSetup>>;

export async function startEvmSetup(options: Parameters<typeof startEvmChain>[0] = {}) {
  const anvil = await startEvmChain(options);
  const proxy = await startRpcProxy({ target: anvil.url });
  return {
    anvil,
    proxy,
    network: (parts: NetworkOptions = {}) => openNetwork({ anvil, proxy }, parts),
    payer: (funds?: Parameters<typeof createPayer>[1]) => createPayer(anvil, funds),
    /** Waits until a transaction is in a block: anvil mines a moment after it has taken it. */
    mined: (id: string) => mined(anvil, id),
    async stop() {
      await proxy.stop();
      await anvil.stop();
    },
  };
}

interface NetworkOptions {
  readonly assets?: readonly string[];
  readonly limits?: Partial<EvmLimits>;
  readonly signerKey?: Hex;
  /** In place of `signerKey`, where there are several. */
  readonly signerKeys?: readonly Hex[];
  readonly clock?: Clock;
  /** What is warned of; by default a warning fails the test. */
  readonly onWarning?: (message: string) => void;
}

/** Our side of the chain, and short ways through its gates that fail the test where a gate stays shut. */
function openNetwork({ anvil, proxy }: { anvil: EvmChain; proxy: RpcProxy }, parts: NetworkOptions) {
  const { chain, schemes } = createEvmNetwork({
    network: baseSepolia,
    rpcUrls: [proxy.url],
    signerKeys: parts.signerKeys ?? [parts.signerKey ?? sandboxKeys.evm.facilitator.privateKey],
    assets: parts.assets ?? [BASE_SEPOLIA_USDC],
    clock: parts.clock ?? systemClock,
    onRpcCall: () => undefined,
    onWarning: parts.onWarning ?? ((message) => expect.fail(message)),
    limits: { rpcTimeoutMs: 10_000, ...parts.limits },
  });
  const [exact] = schemes;
  if (exact === undefined) throw new Error('An EVM network has the scheme exact');

  async function accept(payment: Payment): Promise<AcceptablePayment> {
    const examination = (await exact?.examine(payment)) ?? expect.fail('no scheme');
    if (examination.kind !== 'acceptable') expect.fail(JSON.stringify(examination.rejection));
    return examination.payment;
  }

  async function verify(payment: Payment): Promise<VerifiedPayment> {
    const verdict = await (await accept(payment)).verify();
    return verdict.valid ? verdict.payment : expect.fail(JSON.stringify(verdict.rejection));
  }

  async function sign(payment: Payment): Promise<{ signed: SignedTransaction; submitted: SubmittedTransaction }> {
    const verified = await verify(payment);
    const planning = await verified.plan({ signer: chain.signers[0] ?? '', company: [] });
    if (!planning.planned) return expect.fail(JSON.stringify(planning.rejection));
    const signed = planning.plan.sign(await chain.nextAccountNonce(planning.plan.signer));
    return { signed, submitted: { id: signed.id, raw: signed.raw, expected: verified.authorization } };
  }

  return {
    chain,
    exact,
    accept,
    verify,
    sign,
    /** What is wrong with a payment that passed the local checks. */
    async rejection(payment: Payment): Promise<Rejection> {
      const verdict = await (await accept(payment)).verify();
      return verdict.valid ? expect.fail('the payment is valid') : verdict.rejection;
    },
    /** Moves the money of a valid payment, and waits until it is mined. */
    async send(payment: Payment): Promise<SubmittedTransaction> {
      const { signed, submitted } = await sign(payment);
      expect(await chain.broadcast(signed)).toEqual({ accepted: true });
      await mined(anvil, signed.id);
      return submitted;
    },
  };
}

/** A new account that holds tokens and no ether. */
async function createPayer(
  anvil: EvmChain,
  { token = BASE_SEPOLIA_USDC, amount = 1_000_000n }: { token?: Address; amount?: bigint } = {},
): Promise<{ privateKey: Hex; address: Address }> {
  const privateKey = generatePrivateKey();
  const address = privateKeyToAddress(privateKey);
  if (amount > 0n) await anvil.mint({ token, to: address, amount });
  return { privateKey, address };
}

async function mined(anvil: EvmChain, id: string): Promise<void> {
  const look = () => anvil.rpc('eth_getTransactionReceipt', [id]);
  await expect.poll(look, { timeout: 60_000, interval: 5 }).not.toBeNull();
}
