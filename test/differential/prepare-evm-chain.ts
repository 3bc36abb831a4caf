import { randomBytes } from 'node:crypto';
import {
  BASE_SEPOLIA_USDC,
  contractCode,
  sandboxKeys,
  testSmartWalletFactoryAbi,
  testUsdcAbi,
  type TokenKind,
} from '@tollkeeper/sandbox';
import { type Address, bytesToHex, encodeFunctionData, type Hex, zeroHash } from 'viem';
import type { EvmPayload } from '../support/evm-payment.js';
import type { EvmSetup } from '../support/evm-setup.js';

/** Places a token of the given kind that both facilitators would settle. */
export async function placeToken(setup: EvmSetup, kind: TokenKind, address: Address): Promise<Address> {
  return setup.anvil.deployToken({ address, kind, name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });
}

/** Sends a call of `blacklist`, `pause` or `unpause` to USDC as its owner. */
export async function asOwner(setup: EvmSetup, call: Parameters<typeof encodeFunctionData<typeof testUsdcAbi>>[0]) {
  await setup.anvil.asTokenOwner({ to: BASE_SEPOLIA_USDC, data: encodeFunctionData(call) });
}

/** Sends the authorization as anyone may. */
export async function useAuthorization(
  setup: EvmSetup,
  { paymentPayload }: { readonly paymentPayload: { readonly payload: unknown } },
): Promise<void> {
  const { signature, authorization } = paymentPayload.payload as EvmPayload;
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const data = encodeFunctionData({
    abi: testUsdcAbi,
    functionName: 'transferWithAuthorization',
    args: [
      from as Hex,
      to as Hex,
      BigInt(value),
      BigInt(validAfter),
      BigInt(validBefore),
      nonce as Hex,
      signature as Hex,
    ],
  });
  await setup.anvil.asTokenOwner({ to: BASE_SEPOLIA_USDC, data });
}

/** A contract wallet of the buyer, with money, and the factory that made it. */
export async function deployWallet(setup: EvmSetup): Promise<{ wallet: Address; factory: Address }> {
  const factory = bytesToHex(randomBytes(20));
  await setup.anvil.rpc('anvil_setCode', [factory, contractCode.testSmartWalletFactory]);
  const args = [sandboxKeys.evm.buyer.address, zeroHash] as const;
  const abi = testSmartWalletFactoryAbi;
  await setup.anvil.asTokenOwner({ to: factory, data: encodeFunctionData({ abi, functionName: 'create', args }) });
  const data = encodeFunctionData({ abi, functionName: 'addressOf', args });
  const word = (await setup.anvil.rpc('eth_call', [{ to: factory, data }, 'latest'])) as string;
  const wallet: Address = `0x${word.slice(-40)}`;
  await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: wallet, amount: 1_000_000n });
  return { wallet, factory };
}
