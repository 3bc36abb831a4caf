import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import { getAddress, pad, slice, toEventSelector, type Address, type Hex } from 'viem';
import type { Transfer } from './transfer.js';

/** What the test token's contract logs when money moves. */
interface Log {
  readonly transactionHash: Hex;
  readonly topics: readonly [Hex, Hex, Hex];
  readonly data: Hex;
}

const transferEvent = toEventSelector('Transfer(address,address,uint256)');

/** The transfers that brought money to these addresses, by the receipts of the chain as it is now. */
export async function evmTransfersTo(evm: EvmChain, addresses: readonly Address[]): Promise<readonly Transfer[]> {
  const recipients = addresses.map((address) => pad(address).toLowerCase());
  const topics = [transferEvent, null, recipients];
  const found = (await evm.rpc('eth_getLogs', [{ fromBlock: '0x0', address: BASE_SEPOLIA_USDC, topics }])) as Log[];
  // After a reorg anvil also finds what stood in a block that is gone; a receipt it gives of the chain's own block only.
  const transactions = [...new Set(found.map(({ transactionHash }) => transactionHash))];
  const arrived: Transfer[] = [];
  for (const transaction of transactions) {
    const receipt = (await evm.rpc('eth_getTransactionReceipt', [transaction])) as { logs: Log[] } | null;
    for (const { topics: moved, data } of receipt?.logs ?? []) {
      const [event, from, to] = moved;
      if (event !== transferEvent || !recipients.includes(to)) continue;
      arrived.push({ transaction, from: addressIn(from), to: addressIn(to), amount: BigInt(data) });
    }
  }
  return arrived;
}

function addressIn(topic: Hex): Address {
  return getAddress(slice(topic, 12));
}
