import { solanaDevnet } from '@tollkeeper/protocol';
import type { SolanaChain } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import type { FleetScene } from '../../fleet/fleet-scene.js';
import { devnetUsdc } from '../../support/test-facilitator.js';
import type { Transfer } from '../../support/transfer.js';
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
  const chain = scene.svm ?? expect.fail('the scene has no Solana chain');
  const payTos = scene.wallets.map(({ solana }) => solana);
  const slots = await recordSlots(chain);
  const payments = createSvmPayments({ chain, payTos, slots, ...options });
  return {
    family: 'Solana',
    network: solanaDevnet,
    url: chain.url,
    urlVariable: 'SVM_RPC_URL',
    habits: [swallowing(payments.isLost)],
    faults: [...svmNodeFaults({ chain, slots, payments }), ...svmChainFaults(chain)],
    pay: payments.pay,
    transfers: () => arrivals(chain, payTos),
    wasUndone: () => false,
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

/** What brought money to one of the wallets. */
async function arrivals(chain: SolanaChain, wallets: readonly string[]): Promise<readonly Transfer[]> {
  const arrived: Transfer[] = [];
  for (const { signature, err } of chain.landedTransactions()) {
    if (err !== null) continue;
    const options = { encoding: 'base64', commitment: 'confirmed', maxSupportedTransactionVersion: 0 };
    const { meta } = await askNode<Landed>(chain.url, 'getTransaction', [signature, options]);
    const gains = gainsIn(meta);
    const [from = 'nobody'] = [...gains].flatMap(([owner, gain]) => (gain < 0n ? owner : []));
    for (const [to, amount] of gains) {
      if (amount > 0n && wallets.includes(to)) arrived.push({ transaction: signature, from, to, amount });
    }
  }
  return arrived;
}

/** What each owner has more after the transaction than before. */
function gainsIn({ preTokenBalances, postTokenBalances }: Landed['meta']): ReadonlyMap<string, bigint> {
  const gains = new Map<string, bigint>();
  const add = (balances: readonly TokenBalance[], sign: bigint) => {
    for (const { owner, mint, uiTokenAmount } of balances) {
      if (mint === devnetUsdc) gains.set(owner, (gains.get(owner) ?? 0n) + sign * BigInt(uiTokenAmount.amount));
    }
  };
  add(preTokenBalances, -1n);
  add(postTokenBalances, 1n);
  return gains;
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
