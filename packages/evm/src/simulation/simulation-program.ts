import { addressWord } from '../abi-word.js';

/**
 * A program that simulates many token transfers in one `eth_call` without a `to`: its init code runs, nothing is deployed.
 *
 * It creates a small contract, the probe, and calls it once for each transfer. The probe calls the token, looks for code at the
 * payer and the token, and then *reverts* with its findings. So the transfers of one call cannot see each other: balances, used
 * nonces and even the discount for storage that was read before are as if each were alone, which makes the gas that is measured
 * an upper bound for the same transfer in any transaction. What a transfer may burn is bounded by the gas that the probe passes
 * on.
 */
export interface SimulatedTransfer {
  readonly token: string;
  /** `transferWithAuthorization` with v, r and s: `0x` and the calldata in hex. */
  readonly data: string;
}

/** What the probe found. Undefined in place of it: the gas did not suffice to look, which says nothing. */
export interface TransferFinding {
  readonly executes: boolean;
  readonly payerHasCode: boolean;
  readonly tokenHasCode: boolean;
  /** What the token's code used, with the call to it, before any refund. */
  readonly gasUsed: bigint;
  /** The block on whose state it ran. */
  readonly block: bigint;
}

/** EIP-3860 allows 49,152 bytes of init code; this many transfers take 31 kB and, as USDC has it, 8 million gas. */
export const maximumTransfers = 100;

/** Nodes that know EIP-7825 may refuse to simulate with more gas than a transaction can have. */
const maximumGas = 16_777_216n;

const selectorAndNineWords = 292;
const transferBytes = 20 + selectorAndNineWords;

/**
 * The gas that a transaction has left for the token's code: what it may use less its base price and its calldata, taken as if no
 * byte of that were zero. Never more than the program can give.
 */
export function executionGas(transactionGas: bigint): bigint {
  const left = transactionGas - 21_000n - 16n * BigInt(selectorAndNineWords);
  if (left < 0n) return 0n;
  return left < maximumGas / 2n ? left : maximumGas / 2n;
}

/** Gas with which a probe can give a transfer all it may use; a call passes on 63 of 64 parts at most (EIP-150), twice here. */
function probeGas(gasEach: bigint): bigint {
  return gasEach + gasEach / 16n + 20_000n;
}

/** Gas that suffices for all transfers even if each uses all it may. */
export function programGas(transfers: number, gasEach: bigint): bigint {
  // Creating the program and the probe; for each transfer its calldata, cold accounts and bookkeeping.
  const wanted = 120_000n + BigInt(transfers) * (gasEach + 30_000n) + probeGas(gasEach) - gasEach;
  return wanted < maximumGas ? wanted : maximumGas;
}

/** The init code with the transfers behind it, in hex with `0x`. */
export function simulationProgram(transfers: readonly SimulatedTransfer[], gasEach: bigint): string {
  const probe = creationCode(probeCode(gasEach));
  const legs = transfers.map(({ token, data }) => addressWord(token).slice(24) + data.slice(2));
  return `0x${mainCode(probe.length / 2, gasEach)}${probe}${legs.join('')}`;
}

/** Reads what the program returned; undefined when it did not run as it should, or found nothing at all. */
export function readFindings(answer: string, transfers: number): readonly (TransferFinding | undefined)[] | undefined {
  const bytes = Buffer.from(answer.slice(2), 'hex');
  if (bytes.length !== transfers * findingBytes + blockBytes) return undefined;
  const block = BigInt(`0x${bytes.toString('hex', transfers * findingBytes)}`);
  const findings = Array.from({ length: transfers }, (_, index) => readFinding(bytes, index * findingBytes, block));
  return findings.every((finding) => finding === undefined) ? undefined : findings;
}

/** One byte of flags, and the gas in three. */
const findingBytes = 4;
const blockBytes = 32;

function readFinding(bytes: Buffer, start: number, block: bigint): TransferFinding | undefined {
  const flags = bytes.readUInt8(start);
  if (flags >> 3 !== 0b10000) return undefined;
  const gasUsed = BigInt(bytes.readUIntBE(start + 1, 3));
  return {
    executes: (flags & 1) !== 0,
    payerHasCode: (flags & 2) !== 0,
    tokenHasCode: (flags & 4) !== 0,
    gasUsed,
    block,
  };
}

/** Where the main code jumps to, and how long it is, in bytes. */
const [next, after, done, end] = [20, 57, 70, 80];

/** Memory: the probe's init code, then the transfers; the findings grow over what is used up, and the block's number ends them. */
function mainCode(probeBytes: number, gasEach: bigint): string {
  const transfer = hex(transferBytes, 2);
  return [
    `60${hex(end)}3803`, // codesize - end, the bytes behind this code
    `60${hex(end)}600039`, // codecopy(0, end, those)
    `60${hex(probeBytes)}60006000f0`, // create(0, 0, length)                [probe]
    `60${hex(probeBytes)}6000`, // the first transfer, no findings yet   [probe, place, size]
    '5b', // next:
    `60${hex(end)}38038214`, // is this place behind the last transfer?
    `60${hex(done)}57`, // then go to done
    '60008153', // mstore8(size, 0), which stays if nothing is found
    `63${hex32(probeGas(gasEach))}5a1060${hex(after)}57`, // with less gas than the probe needs, go to after
    `60${hex(findingBytes)}8161${transfer}846000875af150`, // call(gas, probe, 0, place, length, size, 4), which always fails
    `5b60${hex(findingBytes)}01`, // after: size + 4
    `9061${transfer}0190`, // place + length
    `60${hex(next)}56`, // go to next
    '5b438152', // done: mstore(size, number)
    '6020016000f3', // return(0, size + 32)
  ].join('');
}

/**
 * Called with 20 bytes of token and the calldata. Gives flags (bit 0: it executes, 1: the payer has code, 2: the token has,
 * 7: always) and the gas that the call used.
 */
function probeCode(gasEach: bigint): string {
  const data = hex(selectorAndNineWords, 2);
  const token = '60003560601c';
  return [
    `61${data}6014600037`, // calldatacopy(0, 20, length)
    '5a', // gas                          [before]
    `6000600061${data}60006000${token}`, // nothing to be copied back, the calldata, no value, the token
    `63${hex32(gasEach)}f1`, // call with this gas           [before, executes]
    '905a900390', // before - gas                 [used, executes]
    '6018353b151560011b17', // the payer stands 4 bytes into the calldata: extcodesize != 0, shifted by 1
    `${token}3b151560021b17`, // the same for the token, shifted by 2
    '60801760181b17', // (flags | 128) << 24 | used
    '600052', // mstore(0, that)
    '6004601cfd', // revert with its last 4 bytes: as if nothing had happened
  ].join('');
}

/** Init code that deploys the given code. */
function creationCode(runtime: string): string {
  return `60${hex(runtime.length / 2)}80600b6000396000f3${runtime}`;
}

function hex32(value: bigint): string {
  return value.toString(16).padStart(8, '0');
}

function hex(value: number, bytes = 1): string {
  return value.toString(16).padStart(2 * bytes, '0');
}
