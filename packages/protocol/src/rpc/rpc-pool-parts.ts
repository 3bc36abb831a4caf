import type { FaultFacts } from '../faults.js';
import type { Network } from '../network.js';
import type { RpcObserver } from '../rpc-observer.js';
import type { PoolLimits } from './pool-limits.js';

/** The RPC endpoints of one network, and who is told how they do. */
export interface RpcPoolParts {
  readonly network: Network;
  /** They stand in for each other; the first is used as long as it answers. */
  readonly urls: readonly string[];
  readonly limits: PoolLimits;
  readonly onRpcCall: RpcObserver;
  readonly onWarning: (message: string, facts: FaultFacts) => void;
}

/**
 * One client for each address, in the order given.
 * @param connect is told the address and its place, from 1
 * @throws RangeError when there is no address
 */
export function connectEach<Client>(
  { network, urls }: Pick<RpcPoolParts, 'network' | 'urls'>,
  connect: (url: string, endpoint: number) => Client,
): [Client, ...Client[]] {
  const [first, ...others] = urls.map((url, index) => connect(url, index + 1));
  if (first === undefined) throw new RangeError(`${network} needs at least one RPC address`);
  return [first, ...others];
}
