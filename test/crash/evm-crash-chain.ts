import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import { type Address, type Hex, pad, toEventSelector } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { evmVariables } from '../support/test-facilitator.js';
import { evmRequest } from '../support/wire.js';
import type { CrashChain } from './crash-scene.js';

const transferEvent = toEventSelector('Transfer(address,address,uint256)');

/** An EVM chain on which every scene has a signer of its own. */
export function evmCrashChain(evm: EvmChain): CrashChain {
  return {
    evm,
    rpcUrl: evm.url,
    sendMethod: 'eth_sendRawTransaction',
    async variables(rpcUrl) {
      const signerKey = generatePrivateKey();
      await evm.fundEth(privateKeyToAddress(signerKey), 10n ** 18n);
      return { ...evmVariables(rpcUrl), EVM_PRIVATE_KEY: signerKey };
    },
    request: (payTo) => evmRequest({ payTo }),
    async arrivals(address) {
      const topics = [transferEvent, null, pad(address as Address)];
      const filter = { fromBlock: '0x0', address: BASE_SEPOLIA_USDC, topics };
      const logs = (await evm.rpc('eth_getLogs', [filter])) as readonly { transactionHash: string }[];
      return logs.map(({ transactionHash }) => transactionHash);
    },
    async minedTransactions(variables) {
      const signer = privateKeyToAddress(variables['EVM_PRIVATE_KEY'] as Hex);
      return Number(await evm.rpc('eth_getTransactionCount', [signer, 'latest']));
    },
  };
}
