import { solanaDevnet } from '@tollkeeper/protocol';
import type { SolanaChain } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import type { FleetScene } from '../../fleet/fleet-scene.js';
import { devnetUsdc } from '../../support/test-facilitator.js';
import type { NetworkUnderTest } from '../network-under-test.js';
import { askNode } from './ask-node.js';
import { svmChainFaults } from './chain-faults.js';
import { commitmentLag } from './commitment.js';
import { findHasty } from './hasty-ends.js';
import { svmNodeFaults, swallowing } from './node-faults.js';
import { recordSlots } from './slot-record.js';
import { createSvmPayments } from './svm-payments.js';

/** The scene's Solana chain, its payers and its bad days. */
export async function putSvmUnderTest(
  scene: FleetScene,
  options: { readonly steady: number; readonly fickle: number },
): Promise<NetworkUnderTest> {
  const { chain, payTo } = scene.solana ?? expect.fail('the scene has no Solana chain');
  const slots = await recordSlots(chain);
  const payments = createSvmPayments({ chain, payTo, slots, ...options });
  return {
    family: 'Solana',
    network: solanaDevnet,
    url: chain.url,
    urlVariable: 'SVM_RPC_URL',
    habits: [swallowing(payments.isLost)],
    faults: [...svmNodeFaults({ chain, slots, payments }), ...svmChainFaults(chain)],
    pay: payments.pay,
    transfers: () => arrivals(chain, payTo),
    problems: () => findHasty({ database: scene.database, slots, payments }),
    evidence: () => Promise.resolve({ slot: chain.slot(), landed: chain.landedTransactions() }),
    heal: async () => {
      chain.resumeSlots();
    },
    // Quicker than by itself, so that blockhashes run out.
    moveOn: async () => {
      chain.advanceSlots(10);
    },
    makeFinal: async () => {
      chain.advanceSlots(commitmentLag.finalized + 1);
    },
    stop: slots.stop,
  };
}

/** The transactions after which the wallet had more than before. */
async function arrivals(chain: SolanaChain, payTo: string): Promise<readonly string[]> {
  const arrived: string[] = [];
  for (const { signature, err } of chain.landedTransactions()) {
    if (err !== null) continue;
    const options = { encoding: 'base64', commitment: 'confirmed', maxSupportedTransactionVersion: 0 };
    const { meta } = await askNode<Landed>(chain.url, 'getTransaction', [signature, options]);
    const held = (balances: readonly TokenBalance[]) =>
      balances.find(({ owner, mint }) => owner === payTo && mint === devnetUsdc)?.uiTokenAmount.amount ?? '0';
    if (BigInt(held(meta.postTokenBalances)) > BigInt(held(meta.preTokenBalances))) arrived.push(signature);
  }
  return arrived;
}

interface Landed {
  readonly meta: {
    readonly preTokenBalances: readonly TokenBalance[];
    readonly postTokenBalances: readonly TokenBalance[];
  };
}

interface TokenBalance {
  readonly owner: string;
  readonly mint: string;
  readonly uiTokenAmount: { readonly amount: string };
}
