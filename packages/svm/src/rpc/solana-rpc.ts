import { z } from 'zod';
import type { SvmCommitment } from '../limits.js';
import type { JsonRpcClient } from './json-rpc-client.js';
import type { RpcAnswer } from './rpc-answer.js';

/** The methods of a Solana node that this package uses, each with the part of the answer that it reads. */
export interface SolanaRpc {
  genesisHash(): Promise<string>;
  blockHeight(commitment: SvmCommitment): Promise<bigint>;
  /** The block in a slot; refused where there is none, and refused or null where the node does not have it. */
  block(slot: bigint): Promise<RpcAnswer<Block | null>>;
  /** Slot and block height of one and the same bank. */
  epochInfo(commitment?: SvmCommitment): Promise<{ readonly slot: bigint; readonly blockHeight: bigint }>;
  latestBlockhash(): Promise<{ readonly blockhash: string; readonly lastValidBlockHeight: bigint }>;
  balance(address: string): Promise<bigint>;
  accounts(addresses: readonly string[]): Promise<readonly (RpcAccount | null)[]>;
  /** The accounts as of the newest rooted slot, and that slot. At most 100. */
  finalizedAccounts(
    addresses: readonly string[],
  ): Promise<{ readonly slot: bigint; readonly accounts: readonly (RpcAccount | null)[] }>;
  simulate(transaction: Uint8Array, watchedAccount: string): Promise<RpcAnswer<Simulation>>;
  send(transaction: Uint8Array): Promise<RpcAnswer<string>>;
  /** At most 256 signatures, and how far the node has come. `history` also searches blocks that left the status cache. */
  signatureStatuses(
    signatures: readonly string[],
    options: { history: boolean },
  ): Promise<{ readonly slot: bigint; readonly statuses: readonly (SignatureStatus | null)[] }>;
  transaction(signature: string): Promise<LandedTransaction | null>;
  /**
   * Does work whose answers are put together, on one node, because two may have seen different blocks; and anew on the next one
   * when that does not answer. It may only read.
   */
  onOneEndpoint<Result>(work: (rpc: SolanaRpc) => Promise<Result>): Promise<Result>;
}

/** Bare digits, or the string that long integers arrive as. */
const U64 = z
  .union([z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)])
  .transform((value) => BigInt(value));

const Account = z.object({
  lamports: U64,
  owner: z.string(),
  data: z.tuple([z.string(), z.literal('base64')]).transform(([text]) => Buffer.from(text, 'base64')),
});
export type RpcAccount = z.infer<typeof Account>;

const Context = z.object({ slot: U64 });
const inContext = <Value extends z.ZodType>(value: Value) => z.object({ context: Context, value });

const Simulated = inContext(
  z.object({ err: z.unknown().nullable(), accounts: z.array(Account.nullable()).nullish() }),
).transform(({ context, value }) => ({ slot: context.slot, error: value.err ?? null, account: value.accounts?.[0] }));
export type Simulation = z.infer<typeof Simulated>;

const Status = z
  .object({
    slot: U64,
    err: z.unknown().nullable(),
    confirmations: z.number().nullish(),
    confirmationStatus: z.enum(['processed', 'confirmed', 'finalized']).nullish(),
  })
  .transform(({ slot, err, confirmations, confirmationStatus }) => ({
    slot,
    error: err ?? null,
    // Nodes that do not name the status show a rooted block by the absence of a count.
    level: confirmationStatus ?? (confirmations === null ? ('finalized' as const) : ('processed' as const)),
  }));
export type SignatureStatus = z.infer<typeof Status>;

const TokenBalance = z
  .object({
    accountIndex: z.number().int(),
    mint: z.string(),
    owner: z.string().nullish(),
    uiTokenAmount: z.object({ amount: z.string().regex(/^\d{1,20}$/) }),
  })
  .transform(({ accountIndex, mint, owner, uiTokenAmount }) => ({
    accountIndex,
    mint,
    owner: owner ?? undefined,
    amount: BigInt(uiTokenAmount.amount),
  }));
export type RpcTokenBalance = z.infer<typeof TokenBalance>;

const Landed = z
  .object({
    slot: U64,
    meta: z.object({
      err: z.unknown().nullable(),
      fee: U64,
      preTokenBalances: z.array(TokenBalance).nullish(),
      postTokenBalances: z.array(TokenBalance).nullish(),
    }),
  })
  .transform(({ slot, meta }) => ({
    slot,
    error: meta.err ?? null,
    fee: meta.fee,
    tokensBefore: meta.preTokenBalances ?? [],
    tokensAfter: meta.postTokenBalances ?? [],
  }));
export type LandedTransaction = z.infer<typeof Landed>;

const EpochInfo = z
  .object({ absoluteSlot: U64, blockHeight: U64 })
  .transform(({ absoluteSlot, blockHeight }) => ({ slot: absoluteSlot, blockHeight }));

/** The oldest blocks of the cluster do not say their height. */
const Block = z
  .object({ blockHeight: U64.nullish(), signatures: z.array(z.string()) })
  .transform(({ blockHeight, signatures }) => ({ height: blockHeight ?? 0n, signatures }));
export type Block = z.infer<typeof Block>;

const LatestBlockhash = inContext(z.object({ blockhash: z.string(), lastValidBlockHeight: U64 }));

export function createSolanaRpc(client: JsonRpcClient, commitment: SvmCommitment): SolanaRpc {
  const at = { commitment };
  return {
    onOneEndpoint: (work) => client.onOneEndpoint((one) => work(createSolanaRpc(one, commitment))),
    genesisHash: () => client.request('getGenesisHash', [], z.string()),
    blockHeight: (level) => client.request('getBlockHeight', [{ commitment: level }], U64),
    block: (slot) => {
      const options = { ...at, transactionDetails: 'signatures', rewards: false, maxSupportedTransactionVersion: 0 };
      return client.tryRequest('getBlock', [Number(slot), options], Block.nullable());
    },
    epochInfo: (level = commitment) => client.request('getEpochInfo', [{ commitment: level }], EpochInfo),
    latestBlockhash: async () => (await client.request('getLatestBlockhash', [at], LatestBlockhash)).value,
    balance: async (address) => (await client.request('getBalance', [address, at], inContext(U64))).value,
    accounts: async (addresses) => {
      const shape = inContext(z.array(Account.nullable()).length(addresses.length));
      return (await client.request('getMultipleAccounts', [addresses, { ...at, encoding: 'base64' }], shape)).value;
    },
    finalizedAccounts: async (addresses) => {
      const shape = inContext(z.array(Account.nullable()).length(addresses.length));
      const options = { commitment: 'finalized', encoding: 'base64' };
      const { context, value } = await client.request('getMultipleAccounts', [addresses, options], shape);
      return { slot: context.slot, accounts: value };
    },
    simulate: (transaction, watchedAccount) => {
      const options = {
        ...at,
        encoding: 'base64',
        // Our own signature is not there yet; the buyer's was checked before.
        sigVerify: false,
        replaceRecentBlockhash: false,
        accounts: { encoding: 'base64', addresses: [watchedAccount] },
      };
      return client.tryRequest('simulateTransaction', [toBase64(transaction), options], Simulated);
    },
    send: (transaction) => {
      const options = { encoding: 'base64', skipPreflight: true, maxRetries: 5 };
      return client.tryRequest('sendTransaction', [toBase64(transaction), options], z.string());
    },
    signatureStatuses: async (signatures, { history }) => {
      const shape = inContext(z.array(Status.nullable()).length(signatures.length));
      const params = [signatures, { searchTransactionHistory: history }];
      const { context, value } = await client.request('getSignatureStatuses', params, shape);
      return { slot: context.slot, statuses: value };
    },
    transaction: (signature) => {
      const options = { ...at, encoding: 'base64', maxSupportedTransactionVersion: 0 };
      return client.request('getTransaction', [signature, options], Landed.nullable());
    },
  };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
