import { solanaDevnet } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import { numberToHex, pad, type Hex, type RpcBlock, type RpcTransactionReceipt } from 'viem';
import { evmNetwork, type TestFacilitator } from './test-facilitator.js';
import type { Family } from './wire.js';

/** Everything that payments on one chain leave behind: what a second payment out of one authorization would show in. */
export interface Traces {
  /** Transactions that the node was asked to take, once or again: a slow node is sent the same bytes every few seconds. */
  readonly broadcasts: number;
  /** Transfers to the test's wallet that are on chain. */
  readonly transfers: number;
  /** Minor units that the ledger owes to the merchant. */
  readonly credited: bigint;
  /** Payments that the database knows. */
  readonly payments: number;
}

export async function tracesOf(facilitator: TestFacilitator, family: Family): Promise<Traces> {
  const isEvm = family === 'EVM';
  const network = isEvm ? evmNetwork : solanaDevnet;
  return {
    broadcasts: (isEvm ? facilitator.evmRpc : facilitator.svmRpc).transactions(),
    transfers: isEvm ? await transfersTo(facilitator) : facilitator.svm.landedTransactions().length,
    credited: await creditedOn(facilitator, network),
    payments: await paymentsOn(facilitator, network),
  };
}

/** The traces of so many more payments of 0.01 USDC, each settled once. */
export function withPayments(before: Traces, count: number): Traces {
  return {
    broadcasts: before.broadcasts + count,
    transfers: before.transfers + count,
    credited: before.credited + 10_000n * BigInt(count),
    payments: before.payments + count,
  };
}

async function transfersTo({ evm, wallet }: TestFacilitator): Promise<number> {
  const topics = [transferTopic, null, pad(wallet.evm as Hex)];
  const logs = await evm.rpc('eth_getLogs', [{ address: BASE_SEPOLIA_USDC, fromBlock: '0x0', topics }]);
  return (logs as readonly unknown[]).length;
}

/** `Transfer(address,address,uint256)` of ERC-20. */
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

async function creditedOn({ database, wallet }: TestFacilitator, network: string): Promise<bigint> {
  const [row] = await database.database.sql<{ credited: bigint }>`
    SELECT coalesce(sum(balance.credit - balance.debit), 0) AS credited
    FROM account
    JOIN asset ON asset.id = account.asset_id
    JOIN balance ON balance.account_id = account.id
    WHERE account.kind IN ('merchant_pending', 'merchant_available') AND account.owner = ${wallet.id} AND asset.network = ${network}`;
  return row?.credited ?? 0n;
}

async function paymentsOn({ database }: TestFacilitator, network: string): Promise<number> {
  const [row] = await database.database.sql<{ count: bigint }>`
    SELECT count(*) AS count FROM payment WHERE network = ${network}`;
  return Number(row?.count ?? 0n);
}

/** The hashes of every transaction in a block that reverted, whoever sent it. */
export async function revertedTransactions(chain: EvmChain): Promise<readonly Hex[]> {
  const head = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as RpcBlock;
  const reverted: Hex[] = [];
  for (let height = 0n; height <= BigInt(head.number ?? 0); height += 1n) {
    const receipts = (await chain.rpc('eth_getBlockReceipts', [numberToHex(height)])) as RpcTransactionReceipt[];
    reverted.push(...receipts.filter(({ status }) => status !== '0x1').map(({ transactionHash }) => transactionHash));
  }
  return reverted;
}
