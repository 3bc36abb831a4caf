import { accountFormat, encodeAccount } from '../account-encoding.js';
import { firstSignature, type ResolvedTransaction } from '../bank.js';
import { base64Bytes } from '../base64.js';
import { decodeBase58 } from '../base58.js';
import { parseInnerInstructions } from '../parsed-instruction.js';
import { rpcFailure } from '../rpc-failure.js';
import { asAddress, choiceOf, flagOf, integerOf, type RpcConfig, type RpcParams } from '../rpc-params.js';
import type { RpcMethod } from '../rpc-server.js';
import { blockhashLifetime } from '../slot-clock.js';
import { readMint } from '../token-account.js';
import { describeTransactionError } from '../transaction-error.js';
import { isParseFailure, packetLimit, parseTransaction } from '../transaction-parser.js';
import type { VmOutcome } from '../vm.js';
import { inContext, viewOfCall, type NodeContext } from './node-context.js';

/** Methods that take a transaction: simulate it, or send it. */
export function transactionMethods(node: NodeContext): Record<string, RpcMethod> {
  const { clock, bank } = node;
  return {
    requestAirdrop(params) {
      const address = params.address(0);
      const signature = node.airdrop(address, BigInt(params.integer(1)));
      return signature;
    },
    sendTransaction(params) {
      const config = params.config(1);
      const transaction = readTransaction(node, params, config);
      const signature = firstSignature(transaction);
      viewOfCall(clock, config, 'preflightCommitment');
      integerOf(config, 'maxRetries');
      if (!flagOf(config, 'skipPreflight')) preflight(node, transaction);
      // A node answers before the transaction lands; one that cannot land is lost without a word.
      bank.land(transaction);
      return signature;
    },
    simulateTransaction: (params) => simulate(node, params),
  };
}

function preflight({ bank }: NodeContext, transaction: ResolvedTransaction): void {
  const outcome = bank.simulate(transaction, { verifySignatures: true });
  if (outcome.err === null) return;
  if (outcome.err === 'SignatureFailure') throw signatureFailure();
  const message = `Transaction simulation failed: ${describeTransactionError(outcome.err)}`;
  throw rpcFailure('preflight', message, { ...simulationResult(outcome), accounts: null, innerInstructions: null });
}

function simulate(node: NodeContext, params: RpcParams): object {
  const { clock, bank, accounts } = node;
  const config = params.config(1);
  const verifySignatures = flagOf(config, 'sigVerify');
  const replaceBlockhash = flagOf(config, 'replaceRecentBlockhash');
  const wantsInner = flagOf(config, 'innerInstructions');
  const transaction = readTransaction(node, params, config);
  if (verifySignatures && replaceBlockhash) {
    throw rpcFailure('invalidParams', 'sigVerify may not be used with replaceRecentBlockhash');
  }
  const slot = clock.slot(viewOfCall(clock, config));
  const wanted = wantedAccounts(config, transaction.allKeys.length);
  const outcome = bank.simulate(transaction, { verifySignatures, replaceBlockhash });
  if (outcome.err === 'SignatureFailure') throw signatureFailure();
  const decimalsOf = (mint: string): number | undefined => readMint(accounts.read(mint))?.decimals;
  const after = wanted === undefined ? undefined : outcome.postAccounts();
  const accountsAfter = wanted?.addresses.map((address) => {
    const account = after?.get(address) ?? accounts.read(address);
    return account === undefined ? null : encodeAccount(account, wanted.format, decimalsOf);
  });
  const replacement = {
    blockhash: clock.blockhash(slot),
    lastValidBlockHeight: clock.blockHeight(slot) + blockhashLifetime,
  };
  return inContext(slot, {
    ...simulationResult(outcome),
    accounts: outcome.err === null ? (accountsAfter ?? null) : null,
    innerInstructions: wantsInner ? parseInnerInstructions(outcome.innerInstructions, transaction.allKeys) : null,
    replacementBlockhash: replaceBlockhash ? replacement : null,
  });
}

function simulationResult(outcome: VmOutcome): Record<string, unknown> {
  return {
    err: outcome.err,
    logs: outcome.logs,
    replacementBlockhash: null,
    returnData: outcome.returnData,
    unitsConsumed: outcome.unitsConsumed,
  };
}

const signatureFailure = (): Error => rpcFailure('signatureVerification', 'Transaction signature verification failure');

function wantedAccounts(config: RpcConfig, limit: number) {
  const wanted = config['accounts'];
  if (wanted === undefined || wanted === null) return undefined;
  const { addresses } = wanted as RpcConfig;
  if (!Array.isArray(addresses) || !addresses.every((address) => typeof address === 'string')) {
    throw rpcFailure('invalidParams', 'Invalid params: `accounts` needs a list of addresses');
  }
  if (addresses.length > limit) {
    throw rpcFailure('invalidParams', `Too many accounts provided; max ${String(limit)}`);
  }
  const format = accountFormat(wanted as RpcConfig, 'base64');
  if (format.encoding === 'base58' || format.encoding === 'binary') {
    throw rpcFailure('invalidParams', 'base58 encoding not supported');
  }
  return { addresses: addresses.map((address) => asAddress(address)), format };
}

/** No encoding of a packet is longer, so longer text is not decoded at all. */
const maxEncodedLength = { base58: 1683, base64: 1644 } as const;

function readTransaction(node: NodeContext, params: RpcParams, config: RpcConfig): ResolvedTransaction {
  const encoding = choiceOf(config, 'encoding', ['base58', 'base64']);
  const text = params.string(0);
  const limit = maxEncodedLength[encoding];
  if (text.length > limit) {
    const limits = `(max: encoded/raw ${String(limit)}/${String(packetLimit)})`;
    throw rpcFailure(
      'invalidParams',
      `${encoding} encoded transaction too large: ${String(text.length)} bytes ${limits}`,
    );
  }
  const wire = encoding === 'base64' ? base64Bytes(text) : decodeBase58(text);
  if (wire === undefined) throw rpcFailure('invalidParams', 'invalid base58 encoding');
  const transaction = parseTransaction(wire);
  if (isParseFailure(transaction)) {
    const { kind, reason } = transaction;
    if (kind === 'decode') throw rpcFailure('invalidParams', `failed to deserialize transaction: ${reason}`);
    throw rpcFailure('invalidParams', `invalid transaction: ${describeTransactionError('SanitizeFailure')}: ${reason}`);
  }
  const resolved = node.bank.resolve(transaction);
  if (typeof resolved === 'string') {
    throw rpcFailure('invalidParams', `invalid transaction: ${describeTransactionError(resolved)}`);
  }
  return resolved;
}
