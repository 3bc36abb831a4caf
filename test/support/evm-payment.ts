import { randomBytes } from 'node:crypto';
import { amount, network, type Payment } from '@tollkeeper/protocol';
import { bytesToHex, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

/** The `payload` of an EIP-3009 payment as it goes over the wire. */
export interface EvmPayload {
  readonly signature: string;
  readonly authorization: {
    readonly from: string;
    readonly to: string;
    readonly value: string;
    readonly validAfter: string;
    readonly validBefore: string;
    readonly nonce: string;
  };
}

/** What a test buyer signs. Everything has a default but who pays whom how much of what. */
export interface TransferOffer {
  readonly privateKey: Hex;
  /** The wallet that pays, where it is not the account of the key. */
  readonly from?: Hex;
  readonly token: string;
  readonly payTo: string;
  readonly value: bigint;
  readonly chainId?: number;
  readonly name?: string;
  readonly version?: string;
  readonly validAfter?: bigint;
  readonly validBefore?: bigint;
  readonly nonce?: Hex;
}

const transferTypes = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

/** Signs an authorization with viem, as the stock clients do. */
export async function signTransfer(offer: TransferOffer): Promise<EvmPayload> {
  const { chainId = 84_532, name = 'USDC', version = '2' } = offer;
  const account = privateKeyToAccount(offer.privateKey);
  const now = BigInt(Math.floor(Date.now() / 1000));
  const message = {
    from: offer.from ?? account.address,
    to: offer.payTo as Hex,
    value: offer.value,
    validAfter: offer.validAfter ?? now - 600n,
    validBefore: offer.validBefore ?? now + 300n,
    nonce: offer.nonce ?? bytesToHex(randomBytes(32)),
  };
  const signature = await account.signTypedData({
    domain: { name, version, chainId, verifyingContract: offer.token as Hex },
    types: transferTypes,
    primaryType: 'TransferWithAuthorization',
    message,
  });
  return {
    signature,
    authorization: {
      from: message.from,
      to: message.to,
      value: message.value.toString(),
      validAfter: message.validAfter.toString(),
      validBefore: message.validBefore.toString(),
      nonce: message.nonce,
    },
  };
}

/** A payment whose requirements ask for exactly what the offer gives; `changes` bend it. */
export async function offeredPayment(
  offer: TransferOffer,
  changes: { accepted?: Partial<Payment['accepted']>; requirements?: Partial<Payment['requirements']> } = {},
): Promise<Payment> {
  const { chainId = 84_532, name = 'USDC', version = '2' } = offer;
  const id = network(`eip155:${chainId}`);
  return {
    x402Version: 2,
    accepted: { scheme: 'exact', network: id, ...changes.accepted },
    requirements: {
      scheme: 'exact',
      network: id,
      amount: amount(offer.value),
      asset: offer.token,
      payTo: offer.payTo,
      maxTimeoutSeconds: 60,
      extra: { name, version },
      ...changes.requirements,
    },
    payload: { ...(await signTransfer(offer)) },
  };
}
