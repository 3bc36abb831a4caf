import { privateKeyToAddress } from 'viem/accounts';
import type { FleetScene } from '../../fleet/fleet-scene.js';
import { evmTransfersTo } from '../../support/evm-transfers.js';
import { pick } from '../../support/random.js';
import { evmRequest } from '../../support/wire.js';
import { evmNetwork } from '../../support/test-facilitator.js';
import type { NetworkUnderTest } from '../network-under-test.js';
import { createPrices } from '../soak-prices.js';
import { evmChainFaults, moveOn, resume } from './chain-faults.js';
import { evmState } from './evm-state.js';
import { fundEvmPayers, regret } from './evm-payers.js';
import { createStrangers } from './evm-strangers.js';
import { evmNodeFaults } from './node-faults.js';
import { countShared } from './shared-transactions.js';

/** No authorization of a payer here is valid for longer. */
const validSeconds = 300;

/** The scene's EVM chain, its payers and its bad days. */
export async function putEvmUnderTest(
  scene: FleetScene,
  options: {
    readonly steady: number;
    readonly fickle: number;
    /** Blocks until one is final. */
    readonly finalBlocks: number;
  },
): Promise<NetworkUnderTest> {
  const { evm, database, wallets, signers } = scene;
  const price = createPrices();
  const payers = await fundEvmPayers(evm, { ...options, price });
  const strangers = createStrangers(scene, price);
  const undone = new Set<string>();
  const subject = { evm, payers, signers, undone };
  const ours = wallets.map((wallet) => wallet.evm);
  return {
    family: 'EVM',
    network: evmNetwork,
    url: evm.url,
    urlVariable: 'EVM_RPC_URL',
    habits: [],
    faults: [...evmNodeFaults(subject), ...evmChainFaults(subject)],
    async pay(chance) {
      if (chance.random() < 0.1) return strangers.pay(chance, pick(chance.random, payers.steady));
      const fickle = chance.random() < 0.08 ? payers.fickle.pop() : undefined;
      const privateKey = fickle?.privateKey ?? pick(chance.random, payers.steady);
      const value = fickle?.price ?? price();
      const payTo = pick(chance.random, ours);
      const request = await evmRequest({ payTo, privateKey, value });
      const address = privateKeyToAddress(privateKey);
      const isFickle = fickle !== undefined;
      return {
        request,
        signed: { from: address, to: payTo, amount: value },
        isLeft: false,
        mayFail: () => isFickle,
        meddle: async () =>
          isFickle ? regret({ ...chance, evm, database }, { privateKey, address, request }) : undefined,
        onServed: () => isFickle && payers.served.push(address),
      };
    },
    transfers: async () => [...(await evmTransfersTo(evm, ours)), ...(await strangers.transfers())],
    wasUndone: (transaction) => undone.has(transaction),
    counts: async () => `${await strangers.counts()}; ${await countShared(scene)}`,
    // The scene looks at the places of its signers.
    problems: () => Promise.resolve([]),
    evidence: () => evmState(scene),
    heal: () => resume(evm),
    moveOn: () => moveOn(evm),
    // What a reorg gave back to its payer, who spent it, is lost only when the authorization has expired for good.
    makeFinal: async () => {
      await evm.rpc('evm_increaseTime', [validSeconds]);
      await evm.mine(options.finalBlocks);
    },
    stop: () => undefined,
  };
}
