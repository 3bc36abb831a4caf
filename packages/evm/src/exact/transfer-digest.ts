import { addressWord, uintWord } from '../abi-word.js';
import { createBoundedCache } from '../bounded-cache.js';
import { keccak, keccakOfText } from '../keccak.js';
import type { TransferAuthorization } from './payload.js';

/** The EIP-712 domain of a token, as the merchant states it in `extra` and the chain fixes the rest. */
export interface TokenDomain {
  readonly name: string;
  readonly version: string;
  readonly chainId: bigint;
  /** The token's address. */
  readonly token: string;
}

const domainType = keccakOfText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
).toString('hex');
const transferType = keccakOfText(
  'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
).toString('hex');

/** Longer names are hashed each time: a caller could fill the memory with them otherwise. */
const maximumCachedLength = 200;
const separators = createBoundedCache<string>(512);

/** The bytes that the payer signs to authorize a transfer (EIP-712 over EIP-3009). */
export function transferDigest(domain: TokenDomain, authorization: TransferAuthorization): Buffer {
  const content = keccak(
    Buffer.from(
      transferType +
        addressWord(authorization.from) +
        addressWord(authorization.to) +
        uintWord(authorization.value) +
        uintWord(authorization.validAfter) +
        uintWord(authorization.validBefore) +
        authorization.nonce.slice(2),
      'hex',
    ),
  );
  return keccak(Buffer.from(`1901${domainSeparator(domain)}${content.toString('hex')}`, 'hex'));
}

function domainSeparator(domain: TokenDomain): string {
  const key = `${domain.chainId} ${domain.token} ${domain.name.length} ${domain.name} ${domain.version}`;
  const cached = separators.get(key);
  if (cached !== undefined) return cached;
  const separator = keccak(
    Buffer.from(
      domainType +
        keccakOfText(domain.name).toString('hex') +
        keccakOfText(domain.version).toString('hex') +
        uintWord(domain.chainId) +
        addressWord(domain.token),
      'hex',
    ),
  ).toString('hex');
  if (key.length <= maximumCachedLength) separators.set(key, separator);
  return separator;
}
