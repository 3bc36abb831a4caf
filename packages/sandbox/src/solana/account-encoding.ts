import { encodeBase58 } from './base58.js';
import { parseAccountData } from './parsed-account.js';
import { rpcFailure } from './rpc-failure.js';
import { choiceOf, integerOf, type RpcConfig } from './rpc-params.js';
import type { DecimalsOf } from './token-account.js';
import { rentExemptEpoch, type ChainAccount } from './vm.js';

const encodings = ['binary', 'base58', 'base64', 'jsonParsed', 'base64+zstd'] as const;
export type AccountEncoding = (typeof encodings)[number];

/** Base58 takes quadratic time, so nodes refuse it for larger accounts. */
const base58Limit = 128;

export interface AccountFormat {
  readonly encoding: AccountEncoding;
  readonly slice: { readonly offset: number; readonly length: number } | undefined;
}

export function accountFormat(config: RpcConfig, fallback: AccountEncoding = 'binary'): AccountFormat {
  const encoding = config['encoding'] === undefined ? fallback : choiceOf(config, 'encoding', encodings);
  if (encoding === 'base64+zstd') throw rpcFailure('invalidParams', 'This sandbox does not compress: use base64');
  const slice = config['dataSlice'];
  if (slice === undefined || slice === null) return { encoding, slice: undefined };
  const offset = integerOf(slice as RpcConfig, 'offset');
  const length = integerOf(slice as RpcConfig, 'length');
  if (offset === undefined || length === undefined) {
    throw rpcFailure('invalidParams', 'Invalid params: `dataSlice` needs an offset and a length');
  }
  return { encoding, slice: { offset, length } };
}

/** An account in the notation that the caller asked for. */
export function encodeAccount(account: ChainAccount, format: AccountFormat, decimalsOf: DecimalsOf): object {
  return {
    data: encodeData(account, format, decimalsOf),
    executable: account.executable,
    lamports: account.lamports,
    owner: account.owner,
    rentEpoch: rentExemptEpoch,
    space: account.data.length,
  };
}

function encodeData(account: ChainAccount, { encoding, slice }: AccountFormat, decimalsOf: DecimalsOf): unknown {
  const data = slice === undefined ? account.data : account.data.subarray(slice.offset, slice.offset + slice.length);
  switch (encoding) {
    case 'jsonParsed':
      return parseAccountData(account, decimalsOf) ?? [toBase64(data), 'base64'];
    case 'base58':
      return [toBase58(data), 'base58'];
    case 'binary':
      return toBase58(data);
    case 'base64':
    case 'base64+zstd':
      return [toBase64(data), 'base64'];
  }
}

function toBase58(data: Uint8Array): string {
  if (data.length > base58Limit) {
    const limit = String(base58Limit);
    const message = `Encoded binary (base 58) data should be less than ${limit} bytes, please use Base64 encoding.`;
    throw rpcFailure('invalidRequest', message);
  }
  return encodeBase58(data);
}

function toBase64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}
