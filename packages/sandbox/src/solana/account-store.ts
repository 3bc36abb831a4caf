import type { Commitment, SlotClock } from './slot-clock.js';
import { readTokenAccount } from './token-account.js';
import type { ChainAccount, Vm } from './vm.js';

export type AccountChange = readonly [address: string, account: ChainAccount | undefined];

/** The accounts of the chain, as they are now and as a lagging commitment still sees them. */
export interface AccountStore {
  read(address: string, commitment?: Commitment): ChainAccount | undefined;
  /** Writes an account outside any transaction; every commitment sees it at once. */
  write(address: string, account: ChainAccount): void;
  /** Takes over what the VM's last run did to these accounts, in the current slot. */
  absorb(addresses: readonly string[]): AccountChange[];
  /** Addresses of token accounts whose authority is, or once was, `owner`. */
  tokenAccountsOf(owner: string): Iterable<string>;
  /** Every account that differs from a new chain's. */
  snapshot(): Iterable<AccountChange>;
  /** Forgets states that no commitment sees any more. */
  prune(): void;
}

interface FormerState {
  /** The slot that replaced this state. */
  readonly until: number;
  readonly account: ChainAccount | undefined;
}

/** Keeps a copy of every account it has read, since reading from the VM copies the account each time. */
export function createAccountStore(parts: { vm: Vm; clock: SlotClock }): AccountStore {
  const { vm, clock } = parts;
  const known = new Map<string, ChainAccount | undefined>();
  const touched = new Set<string>();
  const former = new Map<string, FormerState[]>();
  const tokenAccounts = new Map<string, Set<string>>();

  const current = (address: string): ChainAccount | undefined => {
    if (known.has(address)) return known.get(address);
    const account = vm.account(address);
    // The VM rewrites sysvars by itself, and a stranger's questions about empty addresses must not fill memory.
    if (account !== undefined && !address.startsWith('Sysvar')) known.set(address, account);
    return account;
  };
  const learn = (address: string, account: ChainAccount | undefined): void => {
    touched.add(address);
    if (account === undefined) known.delete(address);
    else known.set(address, account);
    const owner = readTokenAccount(account)?.owner;
    if (owner === undefined) return;
    const owned = tokenAccounts.get(owner) ?? new Set<string>();
    tokenAccounts.set(owner, owned.add(address));
  };

  return {
    read(address, commitment = 'processed') {
      const states = commitment === 'processed' ? undefined : former.get(address);
      const visible = clock.slot(commitment);
      const seen = states?.find((state) => state.until > visible);
      return seen === undefined ? current(address) : seen.account;
    },
    write(address, account) {
      vm.setAccount(address, account);
      former.delete(address);
      learn(address, account);
    },
    absorb(addresses) {
      const until = clock.slot();
      return addresses.map((address) => {
        const states = former.get(address) ?? [];
        former.set(address, states);
        if (states.at(-1)?.until !== until) states.push({ until, account: current(address) });
        const account = vm.account(address);
        learn(address, account);
        return [address, account] as const;
      });
    },
    tokenAccountsOf: (owner) => tokenAccounts.get(owner) ?? [],
    *snapshot() {
      for (const address of touched) yield [address, current(address)] as const;
    },
    prune() {
      const finalized = clock.slot('finalized');
      for (const [address, states] of former) {
        while (states[0] !== undefined && states[0].until <= finalized) states.shift();
        if (states.length === 0) former.delete(address);
      }
    },
  };
}
