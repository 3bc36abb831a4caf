import { createAccountStore } from './account-store.js';
import { createBank } from './bank.js';
import { createFaucet } from './faucet.js';
import type { Journal } from './journal.js';
import { localKey, type LocalKey } from './local-key.js';
import type { NodeContext } from './methods/node-context.js';
import { createSlotClock, newChainSlot, slotsPerEpoch, type CommitmentLag } from './slot-clock.js';
import { createSlotTimer, type SlotTimer } from './slot-timer.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';
import { createTransactionHistory } from './transaction-history.js';
import { createVm } from './vm.js';

/** A chain without a server: what RPC methods answer from, and what moves it. */
export interface LocalNode {
  readonly context: NodeContext;
  readonly issuer: TokenIssuer;
  readonly slots: SlotTimer;
  readonly mintAuthority: LocalKey;
}

export interface LocalNodeParts {
  readonly journal: Journal;
  readonly genesisHash: string;
  readonly slotMs: number;
  readonly lag: CommitmentLag;
}

/** Enough for every airdrop of a long test: a hundred million SOL. */
const richLamports = 100_000_000_000_000_000n;

/** Builds the chain and takes up the life that its journal tells of. */
export function createLocalNode({ journal, genesisHash, slotMs, lag }: LocalNodeParts): LocalNode {
  const { formerLife } = journal;
  const vm = createVm();
  const clock = createSlotClock({ seed: formerLife.seed, slot: formerLife.nextSlot ?? newChainSlot, lag });
  const accounts = createAccountStore({ vm, clock });
  const history = createTransactionHistory();
  for (const [address, account] of formerLife.accounts) {
    if (account !== undefined) accounts.write(address, account);
  }
  for (const landed of formerLife.landed) history.add(landed);

  const mintAuthority = localKey('mint authority');
  const faucetKey = localKey('faucet');
  const bank = createBank({ vm, accounts, clock, history, now: () => new Date(), onLanded: journal.landed });
  const issuer = createTokenIssuer({
    vm,
    accounts,
    authority: mintAuthority,
    onChanged: (addresses) => {
      journal.accounts(addresses.map((address) => [address, accounts.read(address)]));
    },
  });
  const onSlot = (): void => {
    const slot = clock.slot();
    journal.slot(slot);
    accounts.prune();
    vm.setClock({ slot, epoch: Math.floor(slot / slotsPerEpoch), unixTimestamp: Math.floor(Date.now() / 1000) });
  };
  onSlot();
  for (const { address } of [mintAuthority, faucetKey]) {
    if ((accounts.read(address)?.lamports ?? 0n) < richLamports) issuer.fundSol(address, richLamports);
  }
  const slots = createSlotTimer({ slotMs, clock, onSlot });
  const context: NodeContext = {
    genesisHash,
    identity: localKey('validator').address,
    clock,
    accounts,
    bank,
    history,
    vm,
    blockTime: (slot) => history.inSlot(slot)[0]?.blockTime ?? slots.timeOf(slot),
    airdrop: createFaucet({ bank, clock, key: faucetKey }),
  };
  return { context, issuer, slots, mintAuthority };
}
