import { BASE_SEPOLIA_USDC, testUsdcAbi, type EvmChain } from '@tollkeeper/sandbox';
import { encodeFunctionData, numberToHex, parseSignature, type Address, type Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';
import { transferOf } from './transfer-call.js';
import { evmRequest, type WireRequest } from './wire.js';

/** A payer with money for one payment of 0.01 USDC, and the payment. */
export interface TestPayer {
  readonly privateKey: Hex;
  readonly address: Address;
  readonly request: WireRequest;
}

type Offer = Omit<Parameters<typeof evmRequest>[0], 'token'> & { readonly token?: Address };

/** Makes a payer, gives it the money, and lets it sign. */
export async function createPayer(evm: EvmChain, offer: Offer): Promise<TestPayer> {
  const privateKey = generatePrivateKey();
  const address = privateKeyToAddress(privateKey);
  await evm.mint({ token: offer.token ?? BASE_SEPOLIA_USDC, to: address, amount: 10_000n });
  return { privateKey, address, request: await evmRequest({ ...offer, privateKey }) };
}

/** A call that spoils a payment, or does it in our place. */
export interface Meddling {
  readonly from: Address;
  readonly data: Hex;
}

/** The payer sends the money elsewhere. */
export function moveAway({ address }: Pick<TestPayer, 'address'>, to: Address): Meddling {
  return {
    from: address,
    data: encodeFunctionData({ abi: testUsdcAbi, functionName: 'transfer', args: [to, 10_000n] }),
  };
}

/** The payer takes the authorization back. */
export async function takeBack({ privateKey, address, request }: TestPayer): Promise<Meddling> {
  const { nonce } = (request.paymentPayload.payload as { authorization: { nonce: Hex } }).authorization;
  const signature = await privateKeyToAccount(privateKey).signTypedData({
    domain: { name: 'USDC', version: '2', chainId: 84_532, verifyingContract: BASE_SEPOLIA_USDC },
    types: {
      CancelAuthorization: [
        { name: 'authorizer', type: 'address' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'CancelAuthorization',
    message: { authorizer: address, nonce },
  });
  const { r, s, yParity } = parseSignature(signature);
  const args = [address, nonce, 27 + yParity, r, s] as const;
  return { from: address, data: encodeFunctionData({ abi: testUsdcAbi, functionName: 'cancelAuthorization', args }) };
}

/** Somebody else carries the payment out. */
export function carryOut({ request }: TestPayer, from: Address): Meddling {
  return { from, data: transferOf(request) };
}

/** Sends it to the token for the given price per gas, which decides its place in the block. Answers its hash. */
export async function meddle(evm: EvmChain, { from, data }: Meddling, feePerGas = 100_000_000_000n): Promise<Hex> {
  const fee = numberToHex(feePerGas);
  await evm.rpc('anvil_setBalance', [from, numberToHex(10n ** 18n)]);
  await evm.rpc('anvil_impersonateAccount', [from]);
  return (await evm.rpc('eth_sendTransaction', [
    { from, to: BASE_SEPOLIA_USDC, data, gas: '0x30000', maxFeePerGas: fee, maxPriorityFeePerGas: fee },
  ])) as Hex;
}
