import { encodeBase58 } from './base58.js';
import type { LandedTransaction } from './landed-transaction.js';
import { parseInnerInstructions, parseInstruction } from './parsed-instruction.js';
import { rpcFailure } from './rpc-failure.js';
import {
  isParseFailure,
  isStaticKeyWritable,
  parseTransaction,
  type ParsedMessage,
  type ParsedTransaction,
} from './transaction-parser.js';

export const transactionEncodings = ['json', 'jsonParsed', 'base64', 'base58'] as const;
export type TransactionEncoding = (typeof transactionEncodings)[number];

export interface TransactionFormat {
  readonly encoding: TransactionEncoding;
  /** The newest version the caller understands; undefined for legacy transactions only. */
  readonly maxVersion: number | undefined;
}

/** A landed transaction with its meta and version, as `getTransaction` and `getBlock` tell it. */
export function encodeLanded(landed: LandedTransaction, format: TransactionFormat): object {
  const parsed = parseTransaction(landed.wire);
  if (isParseFailure(parsed)) throw new Error('A landed transaction does not parse');
  const { version } = parsed.message;
  if (version !== 'legacy' && format.maxVersion === undefined) throw unsupportedVersion(version);
  return {
    meta: encodeMeta(landed, format.encoding),
    transaction: encodeTransaction(landed, parsed, format.encoding),
    version: format.maxVersion === undefined ? undefined : version,
  };
}

function unsupportedVersion(version: number): Error {
  const text = String(version);
  return rpcFailure(
    'unsupportedVersion',
    `Transaction version (${text}) is not supported by the requesting client. ` +
      `Please try the request again with the following configuration parameter: "maxSupportedTransactionVersion": ${text}`,
  );
}

function encodeMeta({ meta, accountKeys }: LandedTransaction, encoding: TransactionEncoding): object {
  const { err } = meta;
  return {
    computeUnitsConsumed: meta.computeUnitsConsumed,
    err,
    fee: BigInt(meta.fee),
    innerInstructions:
      encoding === 'jsonParsed' ? parseInnerInstructions(meta.innerInstructions, accountKeys) : meta.innerInstructions,
    // The parsed encoding tells where each key came from beside the key itself.
    loadedAddresses: encoding === 'jsonParsed' ? undefined : meta.loadedAddresses,
    logMessages: meta.logMessages,
    postBalances: meta.postBalances.map(BigInt),
    postTokenBalances: meta.postTokenBalances,
    preBalances: meta.preBalances.map(BigInt),
    preTokenBalances: meta.preTokenBalances,
    returnData: meta.returnData ?? undefined,
    rewards: [],
    status: err === null ? { Ok: null } : { Err: err },
  };
}

function encodeTransaction(
  landed: LandedTransaction,
  parsed: ParsedTransaction,
  encoding: TransactionEncoding,
): unknown {
  if (encoding === 'base64') return [Buffer.from(landed.wire).toString('base64'), 'base64'];
  if (encoding === 'base58') return [encodeBase58(landed.wire), 'base58'];
  const signatures = parsed.signatures.map(encodeBase58);
  const message = encoding === 'json' ? rawMessage(parsed.message) : parsedMessage(parsed.message, landed);
  return { message, signatures };
}

function rawMessage(message: ParsedMessage): object {
  return {
    accountKeys: message.accountKeys,
    addressTableLookups: message.version === 'legacy' ? undefined : message.addressTableLookups,
    header: {
      numReadonlySignedAccounts: message.header.numReadonlySignedAccounts,
      numReadonlyUnsignedAccounts: message.header.numReadonlyUnsignedAccounts,
      numRequiredSignatures: message.header.numRequiredSignatures,
    },
    instructions: message.instructions.map(({ programIdIndex, accounts, data }) => ({
      accounts,
      data: encodeBase58(data),
      programIdIndex,
      stackHeight: 1,
    })),
    recentBlockhash: message.recentBlockhash,
  };
}

function parsedMessage(message: ParsedMessage, { accountKeys, meta }: LandedTransaction): object {
  const programs = new Set(message.instructions.map(({ programIdIndex }) => programIdIndex));
  const firstReadonly = message.accountKeys.length + meta.loadedAddresses.writable.length;
  return {
    accountKeys: accountKeys.map((pubkey, index) => {
      const isStatic = index < message.accountKeys.length;
      return {
        pubkey,
        signer: index < message.header.numRequiredSignatures,
        source: isStatic ? 'transaction' : 'lookupTable',
        // The runtime takes write access from programs that the transaction calls.
        writable: isStatic ? isStaticKeyWritable(message, index) && !programs.has(index) : index < firstReadonly,
      };
    }),
    addressTableLookups: message.version === 'legacy' ? undefined : message.addressTableLookups,
    instructions: message.instructions.map(({ programIdIndex, accounts, data }) =>
      parseInstruction({
        programId: accountKeys[programIdIndex] ?? '',
        accounts: accounts.map((index) => accountKeys[index] ?? ''),
        data,
        stackHeight: 1,
      }),
    ),
    recentBlockhash: message.recentBlockhash,
  };
}
