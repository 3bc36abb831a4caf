import { encodeBase58 } from './base58.js';
import { token2022Program, tokenAccountLength, viewOf } from './token-account.js';
import type { ChainAccount } from './vm.js';

const names: Readonly<Record<number, string>> = {
  1: 'transferFeeConfig',
  2: 'transferFeeAmount',
  3: 'mintCloseAuthority',
  6: 'defaultAccountState',
  7: 'immutableOwner',
  8: 'memoTransfer',
  9: 'nonTransferable',
  10: 'interestBearingConfig',
  11: 'cpiGuard',
  12: 'permanentDelegate',
  13: 'nonTransferableAccount',
  14: 'transferHook',
  15: 'transferHookAccount',
  18: 'metadataPointer',
  19: 'tokenMetadata',
};

/** The extensions of a Token-2022 account in `jsonParsed` notation; undefined when it has none. */
export function token2022Extensions(account: ChainAccount): object[] | undefined {
  if (account.owner !== token2022Program) return undefined;
  const extensions: object[] = [];
  const { data } = account;
  const view = viewOf(data);
  // A type, a length and the value follow each other behind the kind byte; type 0 fills the rest.
  for (let at = tokenAccountLength + 1; at + 4 <= data.length;) {
    const type = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    if (type === 0 || at + 4 + length > data.length) break;
    const value = data.subarray(at + 4, at + 4 + length);
    extensions.push({ extension: names[type] ?? 'unparseableExtension', state: extensionState(type, value) });
    at += 4 + length;
  }
  return extensions.length === 0 ? undefined : extensions;
}

function extensionState(type: number, value: Uint8Array): object | undefined {
  const view = viewOf(value);
  if (type === 2 && value.length === 8) return { withheldAmount: view.getBigUint64(0, true) };
  if (type !== 1 || value.length !== 108) return undefined;
  const fee = (offset: number): object => ({
    epoch: view.getBigUint64(offset, true),
    maximumFee: view.getBigUint64(offset + 8, true),
    transferFeeBasisPoints: view.getUint16(offset + 16, true),
  });
  return {
    newerTransferFee: fee(90),
    olderTransferFee: fee(72),
    transferFeeConfigAuthority: optionalKey(value.subarray(0, 32)),
    withdrawWithheldAuthority: optionalKey(value.subarray(32, 64)),
    withheldAmount: view.getBigUint64(64, true),
  };
}

/** In extensions, an all-zero key stands for no key. */
function optionalKey(bytes: Uint8Array): string | null {
  return bytes.every((byte) => byte === 0) ? null : encodeBase58(bytes);
}
