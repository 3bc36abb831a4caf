import { randomBytes } from 'node:crypto';
import type { Address, Hex } from 'viem';
import { bytesToHex, decodeFunctionResult, encodeFunctionData, getAddress, zeroAddress } from 'viem';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { contractCode, testUsdcAbi } from './contract-artifacts.js';
import type { RpcCall } from './json-rpc.js';
import type { UnlockedSender } from './unlocked-sender.js';

/**
 * `usdc` behaves as USDC does. The others misbehave, each in the way its contract describes: `silent` says yes and
 * moves nothing, `fee` keeps a hundredth, `lying-fee` keeps it and logs the full amount, `gas-burner` can be told how
 * much gas to waste, `trap` passes simulation and reverts when mined, `plain` has no EIP-3009.
 */
export type TokenKind = 'usdc' | 'silent' | 'fee' | 'lying-fee' | 'gas-burner' | 'trap' | 'plain';

const codeOfKind: Readonly<Record<TokenKind, Hex>> = {
  usdc: contractCode.testUsdc,
  silent: contractCode.silentToken,
  fee: contractCode.feeToken,
  'lying-fee': contractCode.lyingFeeToken,
  'gas-burner': contractCode.gasBurnerToken,
  trap: contractCode.trapToken,
  plain: contractCode.plainToken,
};

export interface DeployTokenOptions {
  /** Where the token's code is placed; a random address by default. */
  readonly address?: Address;
  readonly kind?: TokenKind;
  /** Token name and EIP-712 domain name. */
  readonly name: string;
  readonly symbol: string;
  /** EIP-712 domain version. */
  readonly version: string;
  readonly decimals: number;
}

/** The tokens of a local chain. All of them belong to the sandbox key `tokenOwner`, which may mint, pause and blacklist. */
export interface TestTokens {
  /** Places a token and answers its address. A token that stands there already keeps its balances and its name. */
  deployToken(options: DeployTokenOptions): Promise<Address>;
  /** Mints minor units in a transaction and waits until it is mined. */
  mint(options: { token: Address; to: Address; amount: bigint }): Promise<void>;
  /** Balance in minor units at the head of the chain. */
  tokenBalance(options: { token: Address; owner: Address }): Promise<bigint>;
  /** Sends a transaction as the owner of the tokens, for instance `blacklist` or `pause`. */
  asTokenOwner(options: { to: Address; data: Hex }): Promise<void>;
}

export function createTestTokens(parts: { readonly rpc: RpcCall; readonly sender: UnlockedSender }): TestTokens {
  const { rpc, sender } = parts;
  const owner = sandboxKeys.evm.tokenOwner.address;

  async function isInitialized(token: Address): Promise<boolean> {
    const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'owner' });
    const answer = (await rpc('eth_call', [{ to: token, data }, 'latest'])) as Hex;
    return decodeFunctionResult({ abi: testUsdcAbi, functionName: 'owner', data: answer }) !== zeroAddress;
  }

  const asTokenOwner: TestTokens['asTokenOwner'] = ({ to, data }) => sender.send({ from: owner, to, data });

  return {
    asTokenOwner,
    deployToken: async ({ kind = 'usdc', name, symbol, version, decimals, ...options }) => {
      const address = getAddress(options.address ?? bytesToHex(randomBytes(20)));
      const code = codeOfKind[kind];
      if ((await rpc('eth_getCode', [address, 'latest'])) !== code) await rpc('anvil_setCode', [address, code]);
      if (await isInitialized(address)) return address;
      const args = [name, symbol, version, decimals, owner] as const;
      await asTokenOwner({
        to: address,
        data: encodeFunctionData({ abi: testUsdcAbi, functionName: 'initialize', args }),
      });
      return address;
    },
    mint: ({ token, to, amount }) =>
      asTokenOwner({
        to: token,
        data: encodeFunctionData({ abi: testUsdcAbi, functionName: 'mint', args: [to, amount] }),
      }),
    tokenBalance: async ({ token, owner: holder }) => {
      const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'balanceOf', args: [holder] });
      const answer = (await rpc('eth_call', [{ to: token, data }, 'latest'])) as Hex;
      return decodeFunctionResult({ abi: testUsdcAbi, functionName: 'balanceOf', data: answer });
    },
  };
}
