import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import { type Address, type Hex, pad, toEventSelector } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe } from 'vitest';
import { evmVariables, startFundedEvm } from '../support/test-facilitator.js';
import { evmRequest } from '../support/wire.js';
import { crashCases } from './crash-cases.js';
import { killFacilitatorProcesses } from './facilitator-process.js';

const transferEvent = toEventSelector('Transfer(address,address,uint256)');

let evm: EvmChain;

beforeAll(async () => {
  evm = await startFundedEvm();
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await evm.stop();
});

describe('EVM', () => {
  crashCases(() => ({
    evm,
    async variables() {
      const signerKey = generatePrivateKey();
      await evm.fundEth(privateKeyToAddress(signerKey), 10n ** 18n);
      return { ...evmVariables(evm.url), EVM_PRIVATE_KEY: signerKey };
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
  }));
});
