import { decodeBase58Exact } from './base58.js';
import { rpcFailure } from './rpc-failure.js';
import type { Commitment } from './slot-clock.js';

const invalid = (message: string): Error => rpcFailure('invalidParams', message);

/** The optional configuration object of a call. */
export type RpcConfig = Readonly<Record<string, unknown>>;

/** Reads the positional parameters of one call, refusing what has the wrong type as a node does. */
export interface RpcParams {
  readonly count: number;
  string(index: number): string;
  /** A whole number from 0 to `max`. */
  integer(index: number, max?: number): number;
  optionalInteger(index: number): number | undefined;
  address(index: number): string;
  addresses(index: number, limit: number): string[];
  signature(index: number): string;
  strings(index: number): string[];
  /** The object at a position; empty when it is absent or null. */
  config(index: number): RpcConfig;
}

export function readParams(raw: unknown): RpcParams {
  if (raw !== undefined && !Array.isArray(raw)) throw invalid('Invalid params: expected an array');
  const params: readonly unknown[] = raw ?? [];
  const required = (index: number): unknown => {
    if (index >= params.length) throw invalid(`\`params\` should have at least ${String(index + 1)} argument(s)`);
    return params[index];
  };
  const string = (index: number): string => asString(required(index));
  const strings = (index: number): string[] => {
    const value = required(index);
    if (!Array.isArray(value)) throw invalid('Invalid params: expected a sequence');
    return value.map(asString);
  };
  return {
    count: params.length,
    string,
    strings,
    integer: (index, max) => asInteger(required(index), max),
    optionalInteger: (index) =>
      params[index] === undefined || params[index] === null ? undefined : asInteger(params[index]),
    address: (index) => asAddress(string(index)),
    addresses(index, limit) {
      const all = strings(index);
      if (all.length > limit) throw invalid(`Too many inputs provided; max ${String(limit)}`);
      return all.map(asAddress);
    },
    signature: (index) => asSignature(string(index)),
    config(index) {
      const value = params[index];
      if (value === undefined || value === null) return {};
      if (typeof value !== 'object' || Array.isArray(value)) throw invalid('Invalid params: expected a map');
      return value as RpcConfig;
    },
  };
}

function asString(value: unknown): string {
  if (typeof value !== 'string') throw invalid('Invalid params: invalid type, expected a string');
  return value;
}

function asInteger(value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw invalid('Invalid params: invalid type, expected an unsigned integer');
  }
  return value;
}

/** Checks that text is 32 bytes in base58. */
export function asAddress(text: string): string {
  if (decodeBase58Exact(text, 32) === undefined) throw invalid('Invalid param: Invalid');
  return text;
}

/** Checks that text is 64 bytes in base58. */
export function asSignature(text: string): string {
  if (decodeBase58Exact(text, 64) === undefined) throw invalid('Invalid param: Invalid');
  return text;
}

/** Reads `commitment`; without one a node answers as of `finalized`. Old names are read as they were replaced. */
export function commitmentOf(config: RpcConfig, key = 'commitment'): Commitment {
  const value = config[key] ?? 'finalized';
  switch (value) {
    case 'processed':
    case 'recent':
      return 'processed';
    case 'confirmed':
    case 'single':
    case 'singleGossip':
      return 'confirmed';
    case 'finalized':
    case 'max':
    case 'root':
      return 'finalized';
    default:
      throw invalid('Invalid params: unknown commitment');
  }
}

/** Reads one of a closed list of words. */
export function choiceOf<T extends string>(config: RpcConfig, key: string, choices: readonly [T, ...T[]]): T {
  const value = config[key] ?? choices[0];
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(`Invalid params: unknown \`${key}\`, expected one of ${choices.join(', ')}`);
  return choice;
}

export function flagOf(config: RpcConfig, key: string): boolean {
  const value = config[key] ?? false;
  if (typeof value !== 'boolean') throw invalid(`Invalid params: \`${key}\` must be a boolean`);
  return value;
}

export function integerOf(config: RpcConfig, key: string): number | undefined {
  const value = config[key];
  return value === undefined || value === null ? undefined : asInteger(value);
}

export function stringOf(config: RpcConfig, key: string): string | undefined {
  const value = config[key];
  return value === undefined || value === null ? undefined : asString(value);
}
