import { addressLookupTableProgram, tableHeaderLength } from './address-tables.js';
import { token2022Extensions } from './token-extensions.js';
import { addressAt, readMint, readTokenAccount, tokenProgram, uiTokenAmount, viewOf } from './token-account.js';
import type { DecimalsOf, Mint, TokenAccount } from './token-account.js';
import type { ChainAccount } from './vm.js';

/** Account data as `jsonParsed` tells it, for the programs that stock clients read; undefined for all others. */
export function parseAccountData(account: ChainAccount, decimalsOf: DecimalsOf): object | undefined {
  const wrap = (program: string, type: string, info: object): object => ({
    program,
    parsed: { info, type },
    space: account.data.length,
  });
  if (account.owner === addressLookupTableProgram) {
    const info = lookupTableInfo(account.data);
    return info === undefined ? undefined : wrap('address-lookup-table', 'lookupTable', info);
  }
  const program = account.owner === tokenProgram ? 'spl-token' : 'spl-token-2022';
  const extensions = token2022Extensions(account);
  const mint = readMint(account);
  if (mint !== undefined) return wrap(program, 'mint', { ...mintInfo(mint), extensions });
  const token = readTokenAccount(account);
  const decimals = token === undefined ? undefined : decimalsOf(token.mint);
  if (token === undefined || decimals === undefined) return undefined;
  return wrap(program, 'account', { ...tokenAccountInfo(token, decimals), extensions });
}

function mintInfo(mint: Mint): object {
  return {
    decimals: mint.decimals,
    freezeAuthority: mint.freezeAuthority ?? null,
    isInitialized: mint.isInitialized,
    mintAuthority: mint.mintAuthority ?? null,
    supply: mint.supply.toString(),
  };
}

function tokenAccountInfo(token: TokenAccount, decimals: number): object {
  const { nativeReserve, delegate } = token;
  return {
    closeAuthority: token.closeAuthority,
    delegate,
    delegatedAmount: delegate === undefined ? undefined : uiTokenAmount(token.delegatedAmount, decimals),
    isNative: nativeReserve !== undefined,
    mint: token.mint,
    owner: token.owner,
    rentExemptReserve: nativeReserve === undefined ? undefined : uiTokenAmount(nativeReserve, decimals),
    state: token.state,
    tokenAmount: uiTokenAmount(token.amount, decimals),
  };
}

function lookupTableInfo(data: Uint8Array): object | undefined {
  if (data.length < tableHeaderLength || viewOf(data).getUint32(0, true) !== 1) return undefined;
  const view = viewOf(data);
  const count = Math.floor((data.length - tableHeaderLength) / 32);
  return {
    addresses: Array.from({ length: count }, (_, index) => addressAt(data, tableHeaderLength + index * 32)),
    authority: view.getUint8(21) === 1 ? addressAt(data, 22) : undefined,
    deactivationSlot: view.getBigUint64(4, true).toString(),
    lastExtendedSlot: view.getBigUint64(12, true).toString(),
    lastExtendedSlotStartIndex: view.getUint8(20),
  };
}
