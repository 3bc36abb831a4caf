import type { AccountStore } from '../account-store.js';
import type { Bank } from '../bank.js';
import { rpcFailure } from '../rpc-failure.js';
import { commitmentOf, integerOf, type RpcConfig } from '../rpc-params.js';
import type { Commitment, SlotClock } from '../slot-clock.js';
import type { TransactionHistory } from '../transaction-history.js';
import type { Vm } from '../vm.js';

/** The parts of the chain that RPC methods answer from. */
export interface NodeContext {
  readonly genesisHash: string;
  readonly identity: string;
  readonly clock: SlotClock;
  readonly accounts: AccountStore;
  readonly bank: Bank;
  readonly history: TransactionHistory;
  readonly vm: Vm;
  /** Seconds since 1970 at which a slot was the newest one. */
  readonly blockTime: (slot: number) => number;
  /** Sends lamports to an address by a transaction of the faucet; the result is its signature. */
  readonly airdrop: (address: string, lamports: bigint) => string;
}

/** The release whose answers this server imitates. */
export const nodeVersion = '2.2.16';

/** The commitment that a call asks for, once the chain has reached its `minContextSlot`. */
export function viewOfCall(clock: SlotClock, config: RpcConfig, key = 'commitment'): Commitment {
  const commitment = commitmentOf(config, key);
  const minimum = integerOf(config, 'minContextSlot');
  const contextSlot = clock.slot(commitment);
  if (minimum !== undefined && minimum > contextSlot) {
    throw rpcFailure('minContextSlot', 'Minimum context slot has not been reached', { contextSlot });
  }
  return commitment;
}

export function inContext(slot: number, value: unknown): object {
  return { context: { apiVersion: nodeVersion, slot }, value };
}
