import { Interface } from 'ethers/abi';
import { addressWord, uintWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { InnerCall } from '../multicall3.js';
import type { Transfer } from './checks.js';

/** The parts of ERC-20 and EIP-3009 that are only read. */
export const tokenInterface = new Interface([
  'function balanceOf(address account) view returns (uint256)',
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
]);

const transferSelector = keccakOfText(
  'transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
)
  .subarray(0, 4)
  .toString('hex');

/** The call that moves the money. `v` is passed on as the payer wrote it: whether it is taken is the token's decision. */
export function transferCall({ terms, authorization, signature }: Transfer): InnerCall {
  if (signature.form !== 'plain') throw new TypeError('Only a signature in 65 bytes can be sent to a token');
  const data =
    `0x${transferSelector}` +
    addressWord(authorization.from) +
    addressWord(authorization.to) +
    uintWord(authorization.value) +
    uintWord(authorization.validAfter) +
    uintWord(authorization.validBefore) +
    authorization.nonce.slice(2) +
    uintWord(BigInt(signature.v)) +
    Buffer.from(signature.parts.rs).toString('hex');
  return { to: terms.token, data };
}
