import { setTimeout as wait } from 'node:timers/promises';
import { createAssociatedTokenAccountIdempotentInstruction } from '@solana/spl-token';
import { ComputeBudgetProgram, PublicKey, TransactionMessage } from '@solana/web3.js';
import { amount, Fault, type Amount, type Asset } from '@tollkeeper/protocol';
import { encodeBase58 } from '../address/base58.js';
import { describeTransactionError, isAlreadyProcessed } from '../rpc/rpc-error.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import type { SvmSigner } from '../signing/secret-key.js';
import { associatedTokenAccount } from '../token/associated-token-account.js';
import type { MintRegistry } from '../token/mint-registry.js';
import type { TokenProgram } from '../token/programs.js';
import { readTokenAccount } from '../token/token-account.js';
import { serializeTransaction } from '../transaction/serialize-transaction.js';

const computeUnits = 60_000;
const pollEveryMs = 500;
const pollsMax = 120;
/** A node may lose a transaction without a word, so the same bytes are sent again every so many polls. */
const pollsPerSend = 4;

interface Receiver {
  readonly mint: string;
  readonly owner: string;
  readonly program: TokenProgram;
  readonly account: string;
}

/**
 * Creates the owner's associated token account at our expense (about 0.002 SOL of rent) and waits until it is confirmed, a
 * minute at most. Does nothing where it exists, so it may be repeated, also at the same time.
 * @returns the lamports that the chain says are locked in the account
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the chain did not answer or did not take it in time; the call may be repeated.
 * @throws Fault `INTERNAL` when the asset is no usable token, or our fee payer cannot pay for the account.
 */
export async function prepareToReceive(
  parts: { readonly rpc: SolanaRpc; readonly mints: MintRegistry; readonly signer: SvmSigner },
  query: { readonly asset: Asset; readonly owner: string },
): Promise<Amount> {
  const { rpc, mints, signer } = parts;
  const { owner } = query;
  const { network, token: mint } = query.asset;
  const facts = await mints.factsOf(mint);
  if (!facts.usable) throw new Fault('INTERNAL', { network, mint, detail: facts.detail });
  const { program } = facts;
  const receiver: Receiver = { mint, owner, program, account: associatedTokenAccount({ owner, mint, program }) };

  const existing = await lockedIn(rpc, receiver);
  if (existing !== undefined) return existing;
  const { blockhash } = await rpc.latestBlockhash();
  const signed = createTokenAccountTransaction(signer, receiver, blockhash);
  const trouble = await findTrouble(rpc, signed.raw, receiver);
  if (trouble !== undefined) throw new Fault('INTERNAL', { network, mint, detail: trouble });
  for (let poll = 0; poll < pollsMax; poll += 1) {
    if (poll % pollsPerSend === 0) await rpc.send(signed.raw);
    const [status] = (await rpc.signatureStatuses([signed.id], { history: false })).statuses;
    if (status?.error) throw new Fault('INTERNAL', { network, mint, detail: 'The token account could not be created' });
    const created = status && status.level !== 'processed' ? await lockedIn(rpc, receiver) : undefined;
    if (created !== undefined) return created;
    await wait(pollEveryMs);
  }
  throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, mint, detail: 'The token account was not confirmed in time' });
}

/** A node loses what cannot land without a word, so it is asked before a minute is spent on waiting. */
async function findTrouble(rpc: SolanaRpc, raw: Uint8Array, { account }: Receiver): Promise<string | undefined> {
  const answer = await rpc.simulate(raw, account);
  if (answer.refused) return `refused with code ${answer.code}`;
  const { error } = answer.result;
  // Another call may have sent the very same transaction a moment ago.
  return error === null || isAlreadyProcessed(error) ? undefined : describeTransactionError(error);
}

/** Undefined where the account does not exist, or is not the owner's. */
async function lockedIn(rpc: SolanaRpc, { account, mint, owner }: Receiver): Promise<Amount | undefined> {
  const [found] = await rpc.accounts([account]);
  const held = readTokenAccount(found);
  return found && held?.mint === mint && held.owner === owner ? amount(found.lamports) : undefined;
}

function createTokenAccountTransaction(signer: SvmSigner, receiver: Receiver, blockhash: string) {
  const payerKey = new PublicKey(signer.address);
  const message = new TransactionMessage({
    payerKey,
    recentBlockhash: blockhash,
    instructions: [
      ComputeBudgetProgram.setComputeUnitLimit({ units: computeUnits }),
      createAssociatedTokenAccountIdempotentInstruction(
        payerKey,
        new PublicKey(receiver.account),
        new PublicKey(receiver.owner),
        new PublicKey(receiver.mint),
        new PublicKey(receiver.program),
      ),
    ],
  })
    .compileToV0Message()
    .serialize();
  const signature = signer.sign(message);
  return { id: encodeBase58(signature), raw: serializeTransaction({ signatures: [signature], message }) };
}
