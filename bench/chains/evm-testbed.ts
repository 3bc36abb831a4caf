import { BASE_SEPOLIA_USDC, startEvmChain, type EvmChain } from '@tollkeeper/sandbox';
import type { ReferenceFacilitatorOptions } from '@tollkeeper/sandbox/demo';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';
import { forkPart } from '../processes/fork-part.js';
import { startRpcMeter } from '../processes/rpc-meter.js';
import type { Contender, Subject } from '../subject.js';
import { headOf, readSpending } from './evm-spending.js';
import { createPayee, startOwnFacilitator } from './own-facilitator.js';
import { requestBody } from './request-body.js';
import { maxTimeoutSeconds, type Mining, type Testbed, type Workplace } from './testbed.js';

/** What Base documents for its main network: https://docs.base.org/base-chain/network-information/block-building. */
const blockGasLimit = 140_000_000n;
/** anvil calls final what is 64 blocks deep. */
const blocksUntilFinal = 66;
const price = 10_000n;
const etherForGas = 1_000_000_000_000_000_000_000n;
const network = 'eip155:84532';

/** anvil with Base's block gas limit, and buyers that hold test USDC: one for each payment that is sent at once. */
export async function startEvmTestbed(workplace: Workplace, buyerCount: number): Promise<Testbed> {
  const chain = await startEvmChain({ gasLimit: blockGasLimit });
  try {
    const payee = await createPayee(workplace, await ownEnvironment(chain, 1));
    const buyers = await fundBuyers(chain, { count: buyerCount, payee: payee as Address });
    return createTestbed(chain, { workplace, payee: payee as Address, buyers });
  } catch (error) {
    await chain.stop();
    throw error;
  }
}

interface Scene {
  readonly workplace: Workplace;
  readonly payee: Address;
  readonly buyers: readonly ExactEvmScheme[];
}

function createTestbed(chain: EvmChain, { workplace, payee, buyers }: Scene): Testbed {
  const requirements = {
    scheme: 'exact',
    network,
    amount: price.toString(),
    asset: BASE_SEPOLIA_USDC,
    payTo: payee,
    maxTimeoutSeconds,
    extra: { name: 'USDC', version: '2' },
  } as const;
  let nextBuyer = 0;

  return {
    description: `anvil, ${blockGasLimit} gas a block, ${buyers.length} buyers`,
    start: (contender) => startSubject(chain, { workplace, contender }),
    async sign(_subject, count) {
      const bodies: Buffer[] = [];
      while (bodies.length < count) {
        const buyer = buyers[nextBuyer++ % buyers.length];
        if (buyer === undefined) throw new Error('There is no buyer');
        const { payload } = await buyer.createPaymentPayload(2, requirements);
        bodies.push(requestBody(requirements, payload));
      }
      return bodies;
    },
    setMining: (mining) => setMining(chain, mining),
    makeFinal: () => chain.mine(blocksUntilFinal),
    async watchSpending({ signers }) {
      const fromBlock = (await headOf(chain)) + 1;
      return async () => readSpending(chain, { fromBlock, signers, token: BASE_SEPOLIA_USDC, payee });
    },
    stop: () => chain.stop(),
  };
}

async function fundBuyers(chain: EvmChain, want: { count: number; payee: Address }): Promise<ExactEvmScheme[]> {
  const accounts = Array.from({ length: want.count }, () => privateKeyToAccount(generatePrivateKey()));
  // The payee has money before the first measured payment, so that none of them pays for a new balance.
  const holders = [want.payee, ...accounts.map(({ address }) => address)];
  for (let start = 0; start < holders.length; start += 100) {
    const some = holders.slice(start, start + 100);
    await Promise.all(some.map((to) => chain.mint({ token: BASE_SEPOLIA_USDC, to, amount: 1_000_000n * price })));
  }
  return accounts.map((account) => new ExactEvmScheme(account));
}

/** New accounts for each start, so that no subject inherits another's transactions. */
async function ownEnvironment(chain: EvmChain, lanes: number) {
  const keys = await fundSigners(chain, lanes);
  return { EVM_NETWORK: network, EVM_RPC_URL: chain.url, EVM_PRIVATE_KEY: keys.join(',') };
}

async function fundSigners(chain: EvmChain, count: number): Promise<Hex[]> {
  const keys = Array.from({ length: count }, generatePrivateKey);
  for (const key of keys) await chain.fundEth(privateKeyToAddress(key), etherForGas);
  return keys;
}

async function startSubject(
  chain: EvmChain,
  parts: { readonly workplace: Workplace; readonly contender: Contender },
): Promise<Subject> {
  const { contender, workplace } = parts;
  const keys = await fundSigners(chain, contender.kind === 'tollkeeper' ? contender.lanes : 1);
  const meter = await startRpcMeter(chain.url);
  const facilitator =
    contender.kind === 'tollkeeper'
      ? await startOwnFacilitator(workplace, {
          EVM_NETWORK: network,
          EVM_RPC_URL: meter.url,
          EVM_PRIVATE_KEY: keys.join(','),
        })
      : await startReference({
          evm: { rpcUrl: meter.url, privateKey: keys[0] ?? '0x', nonceManager: contender.nonceManager },
        });
  return {
    contender,
    url: facilitator.url,
    pid: facilitator.pid,
    signers: keys.map((key) => privateKeyToAddress(key)),
    rpcCounts: () => meter.counts(),
    async stop() {
      await facilitator.stop();
      await meter.stop();
    },
  };
}

async function startReference(options: ReferenceFacilitatorOptions) {
  const part = await forkPart<{ url: string }>('reference-facilitator', options);
  return { url: part.ready.url, pid: part.pid, stop: () => part.stop() };
}

async function setMining(chain: EvmChain, mining: Mining): Promise<void> {
  // What an earlier scenario left in the pool must not fill the blocks of the next.
  await chain.rpc('anvil_dropAllTransactions');
  await chain.rpc('evm_setIntervalMining', [mining === 'automine' ? 0 : 1]);
  await chain.rpc('evm_setAutomine', [mining === 'automine']);
}
