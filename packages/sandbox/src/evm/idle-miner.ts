import type { RpcCall } from './json-rpc.js';

interface Block {
  readonly number: string;
  readonly transactions: readonly unknown[];
}

/** Mines one empty block a second while transactions are not final yet, and none when all are. */
export function startIdleMiner(parts: {
  readonly rpc: RpcCall;
  /** How many blocks `finalized` is behind the head. */
  readonly finalityBlocks: number;
  readonly ended: Promise<unknown>;
}): void {
  const { rpc, finalityBlocks, ended } = parts;
  let lastUsed: number | undefined;

  async function blockAt(tag: string): Promise<Block | null> {
    return (await rpc('eth_getBlockByNumber', [tag, false])) as Block | null;
  }

  async function findLastUsed(head: number): Promise<number> {
    for (let number = head; number > 0 && number > head - finalityBlocks; number -= 1) {
      const block = await blockAt(`0x${number.toString(16)}`);
      if (block !== null && block.transactions.length > 0) return number;
    }
    return 0;
  }

  async function tick(): Promise<void> {
    const head = await blockAt('latest');
    if (head === null) return;
    const number = Number(head.number);
    if (head.transactions.length > 0) lastUsed = number;
    lastUsed ??= await findLastUsed(number);
    if (lastUsed > 0 && number - lastUsed < finalityBlocks) await rpc('evm_mine');
  }

  // A tick that fails is one that anvil's end has overtaken; `exited` tells of that.
  const timer = setInterval(() => void tick().catch(() => undefined), 1_000).unref();
  void ended.then(() => clearInterval(timer));
}
