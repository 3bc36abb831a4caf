import type { EvmChain } from '@tollkeeper/sandbox';
import { numberToHex, pad, type Address, type RpcTransactionReceipt } from 'viem';
import type { ChainCost } from './testbed.js';

/** `Transfer(address,address,uint256)` of ERC-20. */
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** How many blocks are read at once. */
const stride = 50;

export async function headOf(chain: EvmChain): Promise<number> {
  return Number(await chain.rpc('eth_blockNumber'));
}

/** Adds up what some accounts spent from a block to the head, out of the receipts of every block. */
export async function readSpending(
  chain: EvmChain,
  range: {
    readonly fromBlock: number;
    readonly signers: readonly string[];
    readonly token: Address;
    readonly payee: Address;
  },
): Promise<ChainCost> {
  const signers = new Set(range.signers.map((address) => address.toLowerCase()));
  const head = await headOf(chain);
  let cost: ChainCost = { gasUsed: 0n, transactions: 0, reverted: 0, transfers: 0, blocks: 0 };
  for (let start = range.fromBlock; start <= head; start += stride) {
    const heights = Array.from({ length: Math.min(stride, head - start + 1) }, (_, index) => start + index);
    const blocks = await Promise.all(heights.map((height) => chain.rpc('eth_getBlockReceipts', [numberToHex(height)])));
    const receipts = (blocks as RpcTransactionReceipt[][]).flat().filter(({ from }) => signers.has(from.toLowerCase()));
    for (const receipt of receipts) cost = add(cost, receipt, range);
  }
  return cost;
}

function add(
  cost: ChainCost,
  receipt: RpcTransactionReceipt,
  { token, payee, fromBlock }: { readonly token: Address; readonly payee: Address; readonly fromBlock: number },
): ChainCost {
  const isTransfer = ({ address, topics }: RpcTransactionReceipt['logs'][number]): boolean =>
    address.toLowerCase() === token.toLowerCase() &&
    topics[0] === transferTopic &&
    topics[2]?.toLowerCase() === pad(payee).toLowerCase();
  const transfers = receipt.logs.filter(isTransfer).length;
  const blocks = transfers === 0 ? 0 : Number(receipt.blockNumber) - fromBlock + 1;
  return {
    gasUsed: cost.gasUsed + BigInt(receipt.gasUsed),
    transactions: cost.transactions + 1,
    reverted: cost.reverted + (receipt.status === '0x1' ? 0 : 1),
    transfers: cost.transfers + transfers,
    blocks: Math.max(cost.blocks, blocks),
  };
}
