import { associatedTokenProgram } from './associated-token-address.js';
import { decodeBase58, encodeBase58 } from './base58.js';
import { memoPrograms } from './memo.js';
import { token2022Program, tokenProgram, uiTokenAmount, viewOf } from './token-account.js';
import type { InnerInstructions } from './vm.js';

/** An instruction whose account indexes are replaced by addresses. */
interface NamedInstruction {
  readonly programId: string;
  readonly accounts: readonly string[];
  readonly data: Uint8Array;
  readonly stackHeight: number | null;
}

interface Parsed {
  readonly program: string;
  readonly parsed: unknown;
}

/**
 * An instruction as `jsonParsed` tells it. The transfers and account creations that payments are made of are parsed; any
 * other instruction is told partially decoded, as a node tells a program it does not know.
 */
export function parseInstruction(instruction: NamedInstruction): object {
  const { programId, accounts, data, stackHeight } = instruction;
  const parsed = parserOf(programId)?.(instruction);
  if (parsed !== undefined) return { ...parsed, programId, stackHeight };
  return { accounts, data: encodeBase58(data), programId, stackHeight };
}

/** Inner instructions in the same notation, grouped by the instruction that called them. */
export function parseInnerInstructions(all: readonly InnerInstructions[], keys: readonly string[]): object[] {
  return all.map(({ index, instructions }) => ({
    index,
    instructions: instructions.map(({ programIdIndex, accounts, data, stackHeight }) =>
      parseInstruction({
        programId: keys[programIdIndex] ?? '',
        accounts: accounts.map((account) => keys[account] ?? ''),
        data: decodeBase58(data) ?? new Uint8Array(),
        stackHeight,
      }),
    ),
  }));
}

function parserOf(programId: string): ((instruction: NamedInstruction) => Parsed | undefined) | undefined {
  if (programId === tokenProgram) return (instruction) => parseToken(instruction, 'spl-token');
  if (programId === token2022Program) return (instruction) => parseToken(instruction, 'spl-token-2022');
  if (programId === '11111111111111111111111111111111') return parseSystem;
  if (programId === associatedTokenProgram) return parseAssociated;
  return memoPrograms.has(programId) ? parseMemo : undefined;
}

function parseMemo({ data }: NamedInstruction): Parsed {
  return { program: 'spl-memo', parsed: Buffer.from(data).toString('utf8') };
}

function parseSystem({ accounts, data }: NamedInstruction): Parsed | undefined {
  const [source, destination] = accounts;
  if (data.length < 12) return undefined;
  const view = viewOf(data);
  const program = 'system';
  if (view.getUint32(0, true) === 2) {
    const lamports = view.getBigUint64(4, true);
    return { program, parsed: { info: { destination, lamports, source }, type: 'transfer' } };
  }
  if (view.getUint32(0, true) !== 0 || data.length !== 52) return undefined;
  const lamports = view.getBigUint64(4, true);
  const space = view.getBigUint64(12, true);
  const owner = encodeBase58(data.subarray(20, 52));
  return {
    program,
    parsed: { info: { lamports, newAccount: destination, owner, source, space }, type: 'createAccount' },
  };
}

function parseAssociated({ accounts, data }: NamedInstruction): Parsed | undefined {
  const [source, account, wallet, mint, systemProgram, token] = accounts;
  const kind = data[0] ?? 0;
  if (accounts.length < 6 || data.length > 1 || kind > 1) return undefined;
  return {
    program: 'spl-associated-token-account',
    parsed: {
      info: { account, mint, source, systemProgram, tokenProgram: token, wallet },
      type: kind === 0 ? 'create' : 'createIdempotent',
    },
  };
}

function parseToken({ accounts, data }: NamedInstruction, program: string): Parsed | undefined {
  const amount = data.length >= 9 ? viewOf(data).getBigUint64(1, true) : 0n;
  const decimals = data[9] ?? 0;
  const [first, second, third, fourth] = accounts;
  const told = (type: string, info: object): Parsed => ({ program, parsed: { info, type } });
  switch (`${String(data[0])}/${String(data.length)}`) {
    case '3/9':
      return told('transfer', {
        amount: amount.toString(),
        ...authority(accounts, 2),
        destination: second,
        source: first,
      });
    case '12/10':
      return told('transferChecked', {
        ...authority(accounts, 3),
        destination: third,
        mint: second,
        source: first,
        tokenAmount: uiTokenAmount(amount, decimals),
      });
    case '7/9':
      return told('mintTo', { account: second, amount: amount.toString(), mint: first, mintAuthority: third });
    case '9/1':
      return told('closeAccount', { account: first, destination: second, owner: third });
    case '18/33':
      return told('initializeAccount3', { account: first, mint: second, owner: encodeBase58(data.subarray(1)) });
    case '22/1':
      return told('initializeImmutableOwner', { account: first });
    case '26/19':
      if (data[1] !== 1) return undefined;
      return told('transferCheckedWithFee', {
        authority: fourth,
        destination: third,
        feeAmount: uiTokenAmount(viewOf(data).getBigUint64(11, true), data[10] ?? 0),
        mint: second,
        source: first,
        tokenAmount: uiTokenAmount(viewOf(data).getBigUint64(2, true), data[10] ?? 0),
      });
    default:
      return undefined;
  }
}

/** The signer of a transfer; further accounts are the members of a multisig authority. */
function authority(accounts: readonly string[], index: number): object {
  const signers = accounts.slice(index + 1);
  if (signers.length === 0) return { authority: accounts[index] };
  return { multisigAuthority: accounts[index], signers };
}
