import { resolve } from 'node:path';
import type { Address } from 'viem';
import { numberToHex } from 'viem';
import type { AnvilExit } from './anvil-process.js';
import { startAnvilProcess } from './anvil-process.js';
import { contractCode } from './contract-artifacts.js';
import { startIdleMiner } from './idle-miner.js';
import { createRpcCall } from './json-rpc.js';
import type { RpcCall } from './json-rpc.js';
import { keepCopyOfStateFile, prepareStateFile } from './state-file.js';
import { createTestTokens } from './test-tokens.js';
import type { TestTokens } from './test-tokens.js';
import { createUnlockedSender } from './unlocked-sender.js';

/** Where Multicall3 stands on every public chain. */
export const MULTICALL3_ADDRESS: Address = '0xcA11bde05977b3631167028862bE2a173976CA11';

/** USDC of Base Sepolia: the sandbox puts its own dollar token at the same address under the same EIP-712 domain. */
export const BASE_SEPOLIA_USDC: Address = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

export interface EvmChainOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  /** 84532, Base Sepolia, by default. */
  readonly chainId?: number;
  /** Keeps the chain here across restarts. A second is lost when anvil is killed, or six if that tears the file. */
  readonly stateFile?: string;
  /** Mines every so many seconds. By default every transaction is mined at once and nothing is mined without one. */
  readonly blockTimeSeconds?: number;
  /** Mines empty blocks, one a second, until the last transaction is final: for a sandbox where nobody else does. */
  readonly mineWhenIdle?: boolean;
  /** Base fee of the first block, in wei. */
  readonly baseFeePerGas?: bigint;
  /** Blocks between head and `finalized` are twice this number. 1 by default. */
  readonly slotsInAnEpoch?: number;
  /** Gas limit of a block. anvil's own is 30 million. */
  readonly gasLimit?: bigint;
  /** How many accounts of the sandbox mnemonic are unlocked and funded. 10 by default, and at least 10. */
  readonly accounts?: number;
  /** What each of these accounts has at first, in whole ether. */
  readonly balanceEther?: number;
  readonly startTimeoutMs?: number;
  /** More anvil flags, for what has no option here. */
  readonly flags?: readonly string[];
}

/** A local EVM chain with Multicall3 and a USDC-like token. */
export interface EvmChain extends TestTokens {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  /** `eip155:<chain id>`. */
  readonly network: `eip155:${number}`;
  /** The process id of anvil, so that a test can kill it. */
  readonly pid: number;
  readonly rpc: RpcCall;
  /** Resolves when anvil has ended, by whoever's hand; never rejects. */
  readonly exited: Promise<AnvilExit>;
  /** Sends `wei` from a rich account of the sandbox, in a transaction, and waits until it is mined. */
  fundEth(address: Address, wei: bigint): Promise<void>;
  /** Mines this many blocks, one by default. */
  mine(blocks?: number): Promise<void>;
  /** Stops anvil after it has written its state. */
  stop(): Promise<void>;
}

/** Starts a local EVM chain and waits until it answers and its contracts stand. */
export async function startEvmChain(options: EvmChainOptions = {}): Promise<EvmChain> {
  const { host = '127.0.0.1', port = 0, chainId = 84_532, startTimeoutMs = 20_000 } = options;
  const stateFile = options.stateFile === undefined ? undefined : resolve(options.stateFile);
  if (stateFile !== undefined) prepareStateFile(stateFile);
  const anvil = await startAnvilProcess({
    host,
    port,
    flags: anvilFlags({ ...options, chainId, stateFile }),
    timeoutMs: startTimeoutMs,
  });
  try {
    const url = `http://${host}:${anvil.port}`;
    const rpc = createLivingRpcCall(url, anvil.exited);
    await rpc('anvil_setLoggingEnabled', [false]);
    await requireChainId(rpc, chainId);
    const sender = createUnlockedSender(rpc, { mineAtOnce: options.blockTimeSeconds !== undefined });
    const tokens = createTestTokens({ rpc, sender });
    await placeCode(rpc);
    await tokens.deployToken({ address: BASE_SEPOLIA_USDC, name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });
    sender.mineAtOnce(false);
    if (stateFile !== undefined) keepCopyOfStateFile(stateFile, anvil.exited);
    if (options.mineWhenIdle === true) {
      startIdleMiner({ rpc, finalityBlocks: 2 * (options.slotsInAnEpoch ?? 1), ended: anvil.exited });
    }
    return {
      ...tokens,
      url,
      port: anvil.port,
      chainId,
      network: `eip155:${chainId}`,
      pid: anvil.pid,
      rpc,
      exited: anvil.exited,
      fundEth: (address, wei) => sender.send({ from: sender.bank, to: address, value: wei }),
      mine: async (blocks = 1) => {
        await rpc('anvil_mine', [numberToHex(blocks)]);
      },
      stop: () => anvil.stop(),
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

type ResolvedOptions = Omit<EvmChainOptions, 'stateFile'> & {
  readonly chainId: number;
  readonly stateFile: string | undefined;
};

function anvilFlags(options: ResolvedOptions): string[] {
  const { stateFile, blockTimeSeconds, baseFeePerGas, gasLimit } = options;
  const flags = ['--chain-id', String(options.chainId), '--slots-in-an-epoch', String(options.slotsInAnEpoch ?? 1)];
  flags.push('--accounts', String(options.accounts ?? 10), '--balance', String(options.balanceEther ?? 1_000_000));
  if (stateFile !== undefined) flags.push('--state', stateFile, '--state-interval', '1');
  if (blockTimeSeconds !== undefined) flags.push('--block-time', String(blockTimeSeconds));
  if (baseFeePerGas !== undefined) flags.push('--block-base-fee-per-gas', baseFeePerGas.toString());
  if (gasLimit !== undefined) flags.push('--gas-limit', gasLimit.toString());
  return [...flags, ...(options.flags ?? [])];
}

/** A call that fails at once, with the reason, when anvil has died. */
function createLivingRpcCall(url: string, exited: Promise<AnvilExit>): RpcCall {
  const call = createRpcCall(url);
  let exit: AnvilExit | undefined;
  void exited.then((how) => (exit = how));
  return async (method, params) => {
    try {
      return await call(method, params);
    } catch (error) {
      if (exit === undefined) throw error;
      throw new Error(`${method}: anvil has ended (${exit.reason})`, { cause: error });
    }
  };
}

async function requireChainId(rpc: RpcCall, chainId: number): Promise<void> {
  const actual = Number(await rpc('eth_chainId'));
  if (actual !== chainId) throw new Error(`The EVM chain answers chain id ${actual}, not ${chainId}`);
}

async function placeCode(rpc: RpcCall): Promise<void> {
  if ((await rpc('eth_getCode', [MULTICALL3_ADDRESS, 'latest'])) === contractCode.multicall3) return;
  await rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]);
}
