import { testUsdcAbi } from '@tollkeeper/sandbox';
import { encodeFunctionData, parseSignature, type Hex } from 'viem';
import type { WireRequest } from './wire.js';

/** The call with which anybody can carry out an EIP-3009 payment who has seen it. */
export function transferOf(request: WireRequest): Hex {
  const { signature, authorization } = request.paymentPayload.payload as {
    signature: Hex;
    authorization: { from: Hex; to: Hex; value: string; validAfter: string; validBefore: string; nonce: Hex };
  };
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const { r, s, v } = parseSignature(signature);
  return encodeFunctionData({
    abi: testUsdcAbi,
    functionName: 'transferWithAuthorization',
    args: [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, Number(v), r, s],
  });
}
