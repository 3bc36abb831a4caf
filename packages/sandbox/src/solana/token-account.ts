import { encodeBase58 } from './base58.js';
import type { UiTokenAmount } from './landed-transaction.js';
import type { ChainAccount } from './vm.js';

export const tokenProgram = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';
export const token2022Program = 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb';

const mintLength = 82;
/** A token account's base part; where a Token-2022 account has extensions, its kind follows at this offset. */
export const tokenAccountLength = 165;
const kindMint = 1;
const kindAccount = 2;

export interface TokenAccount {
  readonly mint: string;
  readonly owner: string;
  readonly amount: bigint;
  readonly delegate: string | undefined;
  readonly state: 'uninitialized' | 'initialized' | 'frozen';
  /** The rent kept back in an account of wrapped lamports. */
  readonly nativeReserve: bigint | undefined;
  readonly delegatedAmount: bigint;
  readonly closeAuthority: string | undefined;
}

export interface Mint {
  readonly mintAuthority: string | undefined;
  readonly supply: bigint;
  readonly decimals: number;
  readonly isInitialized: boolean;
  readonly freezeAuthority: string | undefined;
}

/** Finds the decimals of a mint, which a token account does not carry. */
export type DecimalsOf = (mint: string) => number | undefined;

const isTokenProgram = (owner: string): boolean => owner === tokenProgram || owner === token2022Program;

function kindOf(account: ChainAccount): 'mint' | 'account' | undefined {
  if (!isTokenProgram(account.owner)) return undefined;
  const { length } = account.data;
  if (length === mintLength) return 'mint';
  if (length === tokenAccountLength) return 'account';
  if (account.owner !== token2022Program || length <= tokenAccountLength) return undefined;
  const kind = account.data[tokenAccountLength];
  if (kind === kindMint) return 'mint';
  return kind === kindAccount ? 'account' : undefined;
}

/** Reads a token account of either token program; undefined when the account is something else or not initialized. */
export function readTokenAccount(account: ChainAccount | undefined): TokenAccount | undefined {
  if (account === undefined || kindOf(account) !== 'account') return undefined;
  const view = viewOf(account.data);
  const state = (['uninitialized', 'initialized', 'frozen'] as const)[view.getUint8(108)];
  if (state === undefined || state === 'uninitialized') return undefined;
  return {
    mint: addressAt(account.data, 0),
    owner: addressAt(account.data, 32),
    amount: view.getBigUint64(64, true),
    delegate: optionalAddressAt(account.data, 72),
    state,
    nativeReserve: view.getUint32(109, true) === 0 ? undefined : view.getBigUint64(113, true),
    delegatedAmount: view.getBigUint64(121, true),
    closeAuthority: optionalAddressAt(account.data, 129),
  };
}

/** Reads a mint of either token program; undefined when the account is something else or not initialized. */
export function readMint(account: ChainAccount | undefined): Mint | undefined {
  if (account === undefined || kindOf(account) !== 'mint') return undefined;
  const view = viewOf(account.data);
  if (view.getUint8(45) !== 1) return undefined;
  return {
    mintAuthority: optionalAddressAt(account.data, 0),
    supply: view.getBigUint64(36, true),
    decimals: view.getUint8(44),
    isInitialized: true,
    freezeAuthority: optionalAddressAt(account.data, 46),
  };
}

/** An amount of minor units in the four notations of JSON-RPC. */
export function uiTokenAmount(amount: bigint, decimals: number): UiTokenAmount {
  const digits = amount.toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  const uiAmountString = fraction === '' ? whole : `${whole}.${fraction}`;
  // The wire format carries a float beside the exact text; nothing here computes with it.
  return { amount: amount.toString(), decimals, uiAmount: Number(uiAmountString), uiAmountString };
}

export const viewOf = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.byteLength);

export const addressAt = (data: Uint8Array, offset: number): string => encodeBase58(data.subarray(offset, offset + 32));

function optionalAddressAt(data: Uint8Array, offset: number): string | undefined {
  return viewOf(data).getUint32(offset, true) === 0 ? undefined : addressAt(data, offset + 4);
}
