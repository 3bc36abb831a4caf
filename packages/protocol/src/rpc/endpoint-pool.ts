import { Fault, type FaultFacts, isFault } from '../faults.js';
import type { Network } from '../network.js';
import { createEndpointComparison } from './endpoint-comparison.js';
import type { EndpointState } from './endpoint-health.js';
import { NoAnswerError } from './no-answer-error.js';
import { createPooledEndpoint, type EndpointWork, type PooledEndpoint } from './pooled-endpoint.js';
import type { PoolLimits } from './pool-limits.js';

/** Several RPC endpoints of one network that stand in for each other. */
export interface EndpointPool<Client> {
  /**
   * Does work on the endpoint in use, and on the next one when that does not answer, or serves nobody for now. Whatever else an
   * endpoint answers is the outcome, a refusal of the question too. All of it happens within one time limit, of which `work` is
   * told its share.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when none answered, `CHAIN_WRONG_NETWORK` when all serve another chain.
   */
  readonly run: <Result>(work: EndpointWork<Client, Result>) => Promise<Result>;
  /**
   * The same for work of several calls whose answers are put together: all go to one endpoint, because two may have seen
   * different blocks. It begins anew on the next one when a call is not answered. The time limit is that of each call.
   */
  readonly runOnOne: <Result>(work: EndpointWork<Client, Result>) => Promise<Result>;
  /**
   * From now on only endpoints of the chain with this first block are used, where none has named the chain yet.
   * @throws Fault `CHAIN_CHANGED` when one has named another.
   */
  readonly bindTo: (identity: string) => void;
  /** Every endpoint, in the order given. */
  readonly statuses: () => readonly EndpointStatus[];
}

export interface EndpointStatus {
  /** Its place in the configuration, from 1. Addresses are not shown, because they may hold keys. */
  readonly endpoint: number;
  readonly state: EndpointState;
}

export interface EndpointPoolParts<Client> {
  readonly network: Network;
  /** One for each endpoint; the first is used as long as it answers. */
  readonly clients: readonly [Client, ...Client[]];
  /**
   * The first block's hash, after a look at whether this is the network at all.
   * @throws Fault `CHAIN_WRONG_NETWORK`
   */
  readonly identify: EndpointWork<Client, string>;
  readonly height: EndpointWork<Client, bigint>;
  readonly limits: PoolLimits;
  /** Told when an endpoint leaves the rotation and when it is back; where there is no other, only of a wrong one. */
  readonly onWarning: (message: string, facts: FaultFacts) => void;
  readonly nowMs?: () => number;
}

export function createEndpointPool<Client>(parts: EndpointPoolParts<Client>): EndpointPool<Client> {
  const { network, limits, nowMs = () => performance.now() } = parts;
  // Where there is no other, an absence changes nothing, and whoever asked says what became of it.
  const onNews = parts.clients.length > 1 ? parts.onWarning : () => undefined;
  const chain: { known: string | undefined } = { known: undefined };
  const context = { ...parts, chain, cooldownMs: limits.cooldownMs, nowMs, onNews };
  const [firstClient, ...otherClients] = parts.clients;
  const first = createPooledEndpoint(context, { client: firstClient, number: 1 });
  const others = otherClients.map((client, index) => createPooledEndpoint(context, { client, number: index + 2 }));
  const endpoints = [first, ...others];
  const compareIfDue = createEndpointComparison({ ...context, endpoints });
  let inUse = first;

  return {
    run: (work) => attemptInTurn(work, nowMs() + limits.timeoutMs),
    runOnOne: (work) => attemptInTurn(work, Infinity),
    bindTo(identity) {
      chain.known ??= identity;
      if (chain.known !== identity) throw new Fault('CHAIN_CHANGED', { network, known: identity, found: chain.known });
    },
    statuses: () => endpoints.map(({ number, health }) => ({ endpoint: number, state: health.state() })),
  };

  async function attemptInTurn<Result>(work: EndpointWork<Client, Result>, deadlineMs: number): Promise<Result> {
    compareIfDue(inUse);
    let trouble: unknown;
    const turns = inTurn(endpoints, inUse);
    for (const [index, endpoint] of turns.entries()) {
      const leftMs = Math.min(deadlineMs - nowMs(), limits.timeoutMs);
      if (leftMs <= 0) break;
      try {
        const result = await endpoint.attempt(work, leftMs / countSharing(turns.slice(index)));
        // Whoever serves stays in use: to change back and forth would show callers now newer and now older blocks.
        if (inUse.health.state() !== 'serving') inUse = endpoint;
        endpoint.health.answered();
        return result;
      } catch (error) {
        if (!(error instanceof NoAnswerError) && !isFault(error, 'CHAIN_WRONG_NETWORK')) throw error;
        trouble = error;
      }
    }
    throw noneLeft(trouble);
  }

  function noneLeft(trouble: unknown): unknown {
    if (endpoints.every(({ health }) => health.state() === 'wrong_network')) {
      return isFault(trouble) ? trouble : new Fault('CHAIN_WRONG_NETWORK', { network });
    }
    const message = trouble instanceof NoAnswerError ? trouble.message : 'no endpoint is of use';
    return new Fault('CHAIN_RPC_UNAVAILABLE', { network, endpoints: endpoints.length, trouble: message });
  }
}

const ranks: Readonly<Record<EndpointState, number>> = {
  serving: 1,
  unchecked: 1,
  refusing: 2,
  away: 2,
  lagging: 3,
  wrong_network: 4,
};
const lastRank = 5;

/** The one in use first, then those in rotation; those that lag or are to be left alone only when nothing else is left. */
function inTurn<Client>(
  endpoints: readonly PooledEndpoint<Client>[],
  inUse: PooledEndpoint<Client>,
): readonly PooledEndpoint<Client>[] {
  const rank = (endpoint: PooledEndpoint<Client>): number => {
    if (endpoint.health.isCoolingDown()) return lastRank;
    const own = ranks[endpoint.health.state()];
    return endpoint === inUse && own === 1 ? 0 : own;
  };
  return endpoints
    .filter(({ health }) => health.state() !== 'wrong_network' || !health.isCoolingDown())
    .toSorted((one, other) => rank(one) - rank(other));
}

/** Who shares the time that is left: those in rotation, or all where none is, because any of them may be well again. */
function countSharing(endpoints: readonly PooledEndpoint<unknown>[]): number {
  const inRotation = endpoints.filter(({ health }) => !health.isCoolingDown() && health.state() !== 'lagging');
  return inRotation.length === 0 ? endpoints.length : inRotation.length;
}
