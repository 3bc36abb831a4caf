import { AbiCoder } from 'ethers/abi';

/** A node's own refusal of a JSON-RPC call. Its message is foreign text: show it only through {@link shortText}. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(refusal: { code: number; message: string; data?: unknown }) {
    super(refusal.message);
    this.code = refusal.code;
    this.data = refusal.data;
  }
}

// What nodes say, in one place. geth: core/txpool/errors.go and core/vm/errors.go; erigon, reth, nethermind and anvil follow it
// with small variations.
const alreadyKnown = /already known|already imported|\bknown transaction|alreadyknown/i;
const executionFailed =
  /execution reverted|transaction reverted|\brevert(ed)?\b|out of gas|outofgas|invalid opcode|invalid jump|stack (under|over)flow|gas required exceeds|intrinsic gas|invalidfeopcode/i;

const unknownTag =
  /finalized|unknown block|block not found|header not found|invalid (argument|block|params?)|hex string/i;

// What providers say when they serve us no more for now, in place of HTTP 429 or beside it. Most of them are collected in
// https://github.com/alloy-rs/alloy, crates/json-rpc/src/response/error.rs; besides:
// Infura: https://github.com/gochain/web3/issues/180
// Alchemy: https://www.alchemy.com/docs/reference/throughput
// QuickNode: https://github.com/foundry-rs/foundry/issues/4894
// 1RPC: https://docs.1rpc.io/using-the-web3-api/errors
// proxyd, in front of the OP Stack's public endpoints: https://github.com/ethereum-optimism/infra, proxyd/backend.go
const servesNobody =
  /rate.?limit|request rate|too many requests|request limit reached|(usage|rps|capacity) limit|credits limited|units per second|\bquota\b/i;

/** Alchemy and QuickNode write HTTP's code into the answer; TheRPC has one of its own: https://therpc.io/vi/docs/ethereum/rate-limits */
const rateCodes: ReadonlySet<number> = new Set([429, -32029]);

/**
 * "Limit exceeded" in https://eips.ethereum.org/EIPS/eip-1474#error-codes. Besu's RpcErrorType gives the same code to what is too
 * much in one request, and Infura to a search that finds too many logs.
 */
const limitCode = -32005;
const limitExceeded = /limit exceeded|exceeds defined limit/i;

/** JSON-RPC code 3 is geth's and anvil's "execution reverted, the data holds the reason". */
const revertCode = 3;

/** Whether the node says that it has the transaction already. */
export function isAlreadyKnown(error: RpcError): boolean {
  return alreadyKnown.test(error.message);
}

/** Whether the node refuses a block tag as one that it does not know or has no block for yet. */
export function isUnknownBlockTag(error: RpcError): boolean {
  return unknownTag.test(error.message);
}

/** Whether a simulated call ran and failed, as opposed to a call that the node would not or could not run. */
export function isExecutionFailure(error: RpcError): boolean {
  return error.code === revertCode || executionFailed.test(error.message) || revertData(error) !== undefined;
}

/**
 * Whether the endpoint serves nobody for now, whatever it is asked. A contract's words never say that: anybody can deploy one that
 * fails with the words of a provider. Nor does a limit that is exceeded where logs are searched: those blocks are too many.
 */
export function isEndpointRefusal(error: RpcError, method: string): boolean {
  if (isExecutionFailure(error)) return false;
  if (rateCodes.has(error.code) || servesNobody.test(error.message)) return true;
  return error.code === limitCode && limitExceeded.test(error.message) && method !== 'eth_getLogs';
}

/** The contract's own words for a failed call, cleaned and short; undefined when it gave none. */
export function revertReason(error: RpcError): string | undefined {
  const data = revertData(error);
  const reason = data === undefined ? undefined : decodeRevert(data);
  return reason === undefined || reason === '' ? undefined : cleaned(reason, 120);
}

/** A node's refusal in a form fit for a log line: printable, bounded, without addresses of servers. */
export function shortText(error: RpcError): string {
  return `${cleaned(error.message, 160)} (code ${error.code})`;
}

function revertData(error: RpcError): string | undefined {
  const { data } = error;
  const candidate = typeof data === 'object' && data !== null && 'data' in data ? data.data : data;
  return typeof candidate === 'string' && /^0x([0-9a-f]{2}){4,}$/i.test(candidate)
    ? candidate.toLowerCase()
    : undefined;
}

function decodeRevert(data: string): string | undefined {
  const [selector, body] = [data.slice(0, 10), `0x${data.slice(10)}`];
  try {
    // `Error(string)` and `Panic(uint256)`, Solidity's two built-in errors.
    if (selector === '0x08c379a0') return String(AbiCoder.defaultAbiCoder().decode(['string'], body)[0]);
    if (selector === '0x4e487b71') return `panic ${String(AbiCoder.defaultAbiCoder().decode(['uint256'], body)[0])}`;
  } catch {
    return undefined;
  }
  return `custom error ${selector}`;
}

function cleaned(text: string, maximumLength: number): string {
  return text
    .replace(/\w+:\/\/\S+/g, '(address)')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, maximumLength);
}
