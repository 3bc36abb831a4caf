import type { AuthorizationUse, BoundedClaim, Chain, ClaimedTransfer, Network } from '@tollkeeper/protocol';
import { readTogether } from '../read-together.js';
import type { BlockHeader, EvmNode } from '../rpc/evm-node.js';
import { RpcError } from '../rpc/rpc-error.js';
import { authorizationStateCall, isTrue, oldestBlock, payerTopic } from './foreign-transfers.js';
import { createLogSearch } from './search-logs.js';
import { effectOf, indexTransferLogs, nonceTopic, usedTopic } from './transfer-log.js';

/**
 * Tells what became of one authorization that was used, by the token's own logs. It costs a handful of requests and searches few
 * blocks, because anybody may present used authorizations as often as they like. Which are void is asked for many at once.
 */
export function createAuthorizationUses(parts: {
  readonly network: Network;
  readonly node: EvmNode;
  readonly confirmations: number;
  readonly finalityDepth: number;
}): Required<Pick<Chain, 'findUse' | 'areVoid'>> {
  const searchLogs = createLogSearch(parts);

  return {
    findUse: (claim) =>
      parts.node.onOneEndpoint(async (node) => {
        if (!(await isUsed(node, claim))) return { state: 'unused' };
        // Read after the state, so that the block of the use is not above it.
        return locate(node, claim, await node.blockNumber());
      }),
    areVoid: (claims) =>
      parts.node.onOneEndpoint(async (node) => {
        const final = claims.length === 0 ? undefined : await finalizedBlock(node);
        if (final === undefined) return claims.map(() => false);
        const questions = claims.map((claim) => ({ to: claim.asset.token, data: authorizationStateCall(claim) }));
        const states = await readTogether(node, questions, final.number);
        const verdicts: boolean[] = [];
        for (const [index, claim] of claims.entries()) {
          verdicts.push(await isVoid(node, { claim, state: states[index], final }));
        }
        return verdicts;
      }),
  };

  /** `state` is undefined where the token does not tell. */
  async function isVoid(
    node: EvmNode,
    {
      claim,
      state,
      final,
    }: { readonly claim: BoundedClaim; readonly state: string | undefined; readonly final: BlockHeader },
  ): Promise<boolean> {
    if (state === undefined) return false;
    if (!isTrue(state)) return final.timestamp >= claim.validBefore;
    return (await locate(node, claim, final.number)).state === 'spent';
  }

  async function finalizedBlock(node: EvmNode): Promise<BlockHeader | undefined> {
    const known = await node.finalizedBlock();
    if (known !== undefined) return known;
    const number = (await node.blockNumber()) - BigInt(parts.finalityDepth);
    return number < 0n ? undefined : node.block(number);
  }

  /** Looks for the use of a used authorization, up to the block given. */
  async function locate(node: EvmNode, claim: ClaimedTransfer, toBlock: bigint): Promise<AuthorizationUse> {
    const [log] = await searchLogs(node, {
      address: claim.asset.token,
      topics: [usedTopic, payerTopic(claim), nonceTopic(claim)],
      fromBlock: oldestBlock(claim, toBlock),
      toBlock,
    });
    if (log === undefined) return { state: 'spent' };
    const { transaction } = log;
    const receipt = await node.receipt(transaction);
    const header = receipt && (await node.block(receipt.block.number));
    // The chain changed between the questions.
    if (receipt?.succeeded !== true || header?.hash !== receipt.block.hash) return { state: 'unused' };
    const transfer = indexTransferLogs(receipt.logs).find(claim);
    if (!transfer.found) return { state: 'spent' };
    return {
      state: 'transferred',
      effect: effectOf(claim, { transaction, ordinal: transfer.ordinal, receipt }),
      isConfirmed: receipt.block.number <= toBlock - BigInt(parts.confirmations - 1),
      atSeconds: header.timestamp,
    };
  }
}

async function isUsed(node: EvmNode, claim: ClaimedTransfer): Promise<boolean> {
  try {
    return isTrue(await node.call({ to: claim.asset.token, data: authorizationStateCall(claim) }));
  } catch (error) {
    if (error instanceof RpcError) return false;
    throw error;
  }
}
