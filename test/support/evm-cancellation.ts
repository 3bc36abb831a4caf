import { testUsdcAbi } from '@tollkeeper/sandbox';
import { encodeFunctionData, type Hex, parseSignature } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { EvmSetup } from './evm-setup.js';

/** Has a payer take an authorization back (EIP-3009), and waits until that is mined. Somebody else pays for the gas. */
export async function cancelAuthorization(
  setup: EvmSetup,
  authorization: { readonly privateKey: Hex; readonly token: Hex; readonly nonce: Hex },
): Promise<void> {
  const { privateKey, token, nonce } = authorization;
  const account = privateKeyToAccount(privateKey);
  const signature = await account.signTypedData({
    domain: { name: 'USDC', version: '2', chainId: 84_532, verifyingContract: token },
    types: {
      CancelAuthorization: [
        { name: 'authorizer', type: 'address' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'CancelAuthorization',
    message: { authorizer: account.address, nonce },
  });
  const { r, s, yParity } = parseSignature(signature);
  const data = encodeFunctionData({
    abi: testUsdcAbi,
    functionName: 'cancelAuthorization',
    args: [account.address, nonce, 27 + yParity, r, s],
  });
  await setup.anvil.asTokenOwner({ to: token, data });
}
