import type { LandedTransaction } from './landed-transaction.js';

/** Every transaction that landed on this chain, oldest first. */
export interface TransactionHistory {
  add(landed: LandedTransaction): void;
  bySignature(signature: string): LandedTransaction | undefined;
  byMessageHash(messageHash: string): LandedTransaction | undefined;
  /** Transactions that name an address, oldest first. */
  byAddress(address: string): readonly LandedTransaction[];
  inSlot(slot: number): readonly LandedTransaction[];
  all(): readonly LandedTransaction[];
}

export function createTransactionHistory(): TransactionHistory {
  const all: LandedTransaction[] = [];
  const signatures = new Map<string, LandedTransaction>();
  const messages = new Map<string, LandedTransaction>();
  const addresses = new Map<string, LandedTransaction[]>();
  const slots = new Map<number, LandedTransaction[]>();
  return {
    add(landed) {
      all.push(landed);
      signatures.set(landed.signature, landed);
      messages.set(landed.messageHash, landed);
      append(slots, landed.slot, landed);
      for (const address of new Set(landed.accountKeys)) append(addresses, address, landed);
    },
    bySignature: (signature) => signatures.get(signature),
    byMessageHash: (messageHash) => messages.get(messageHash),
    byAddress: (address) => addresses.get(address) ?? [],
    inSlot: (slot) => slots.get(slot) ?? [],
    all: () => all,
  };
}

function append<K, V>(index: Map<K, V[]>, key: K, value: V): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [value]);
  else list.push(value);
}
