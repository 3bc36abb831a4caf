import { calldataGas } from './calldata-gas.js';

/** What a transaction costs before its calldata and its code. */
const transactionGas = 21_000n;

/** No transaction may use more (EIP-7825). */
const maximumTransactionGas = 1n << 24n;

/**
 * Multicall3's own work for one leg: it copies the calldata to memory, makes the call and notes the result. The published code
 * takes 2,140 gas for the second of two and 2,190 for the last of two hundred.
 */
const legOverhead = 2_500n;

/** At most, the gas of the words that stand around the calldata of one leg: its place, address, flag, lengths and padding. */
const legWords = 1_100n;

/** Multicall3's work for a batch as a whole, and three payees who have nothing left when it is mined (see `withLoneMargin`). */
const batchOverhead = 60_000n;

/** How many payments may share a transaction, whose bytes must stay below 128 kB. */
export const sharedPayments = 200;

/**
 * How much gas, as {@link roomOf} counts it, may share a transaction: at most that of half a block, which is what blocks have free
 * on average (EIP-1559), so that it need not wait for an empty one.
 */
export function sharedRoom(blockGasLimit: bigint | undefined): bigint {
  const half = blockGasLimit === undefined ? maximumTransactionGas : blockGasLimit / 2n;
  return smaller(half, maximumTransactionGas) - transactionGas - batchOverhead;
}

/**
 * The state may change a little before the transaction is mined: a payee whose balance is zero by then costs 17,100 gas more
 * (EIP-2200). And a call passes on 63 of 64 parts of what is left (EIP-150), once for each contract that the token stands on.
 */
const withLoneMargin = (gas: bigint) => (gas * 6n) / 5n + 10_000n;

/** Less for one of many, which lend each other what they leave, and find warm what was measured cold. */
const withSharedMargin = (gas: bigint) => (gas * 11n) / 10n;

/** What one call needs as a transaction of its own: before any margin, for comparison with a limit. */
export function gasAlone(data: string, measured: bigint): bigint {
  const { usual, floor } = calldataGas(data);
  const needed = usual + measured;
  return transactionGas + (needed > floor ? needed : floor);
}

/** The gas limit of a transaction whose needs were measured or estimated. */
export function loneGasLimit(needed: bigint, maximum: bigint): bigint {
  return smaller(withLoneMargin(needed), maximum);
}

/** The gas that a call with this data takes of a shared transaction, margin and overhead included. */
export function roomOf(data: string, measured: bigint): bigint {
  return withSharedMargin(measured) + calldataGas(data).usual + legWords + legOverhead;
}

/** The gas limit of a shared transaction: what all its legs may take, or what its bytes cost at least. */
export function sharedGasLimit(data: string, rooms: readonly bigint[]): bigint {
  const taken = batchOverhead + rooms.reduce((sum, room) => sum + room, 0n);
  const { floor } = calldataGas(data);
  return transactionGas + (taken > floor ? taken : floor);
}

const smaller = (one: bigint, other: bigint) => (one < other ? one : other);
