import { Fault, type FaultFacts, isFault } from '../faults.js';
import type { Network } from '../network.js';
import { createEndpointHealth, type EndpointHealth, type EndpointState } from './endpoint-health.js';
import { NoAnswerError } from './no-answer-error.js';
import type { PoolLimits } from './pool-limits.js';

/** Several RPC endpoints of one network that stand in for each other. */
export interface EndpointPool<Client> {
  /**
   * Does work on the endpoint in use, and on the next one when that does not answer. Whatever an endpoint answers is the
   * outcome, a refusal too. All of it happens within one time limit, of which `work` is told its share.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when none answered, `CHAIN_WRONG_NETWORK` when all serve another chain.
   */
  run<Result>(work: EndpointWork<Client, Result>): Promise<Result>;
  /**
   * The same for work of several calls whose answers are put together: all go to one endpoint, because two may have seen
   * different blocks. It begins anew on the next one when a call is not answered. The time limit is that of each call.
   */
  runOnOne<Result>(work: EndpointWork<Client, Result>): Promise<Result>;
  /** Every endpoint, in the order given. */
  statuses(): readonly EndpointStatus[];
}

/** Throws {@link NoAnswerError} where the endpoint did not answer in time; every other error is the endpoint's answer. */
export type EndpointWork<Client, Result> = (client: Client, timeoutMs: number) => Promise<Result>;

export interface EndpointStatus {
  /** Its place in the configuration, from 1. Addresses are not shown, because they may hold keys. */
  readonly endpoint: number;
  readonly state: EndpointState;
}

export interface EndpointPoolParts<Client> {
  readonly network: Network;
  /** One for each endpoint, at least one; the first is used as long as it answers. */
  readonly clients: readonly Client[];
  /**
   * The first block's hash, after a look at whether this is the network at all.
   * @throws Fault `CHAIN_WRONG_NETWORK`
   */
  readonly identify: EndpointWork<Client, string>;
  readonly height: EndpointWork<Client, bigint>;
  readonly limits: PoolLimits;
  readonly onWarning: (message: string, facts: FaultFacts) => void;
  readonly nowMs?: () => number;
}

interface Endpoint<Client> {
  readonly number: number;
  readonly client: Client;
  readonly health: EndpointHealth;
  /** The look at which chain it serves, while one is under way. */
  check: Promise<void> | undefined;
}

export function createEndpointPool<Client>(parts: EndpointPoolParts<Client>): EndpointPool<Client> {
  const { network, limits, onWarning, nowMs = () => performance.now() } = parts;
  const endpoints = parts.clients.map((client, index): Endpoint<Client> => {
    const health = createEndpointHealth({ cooldownMs: limits.cooldownMs, nowMs });
    return { number: index + 1, client, health, check: undefined };
  });
  let inUse = endpoints[0];
  /** The chain that the first endpoint showed; every other one must show the same. */
  let knownChain: string | undefined;
  let comparison = { startedAtMs: -Infinity, isRunning: false };

  return {
    run: (work) => attemptInTurn(work, nowMs() + limits.timeoutMs),
    runOnOne: (work) => attemptInTurn(work, Infinity),
    statuses: () => endpoints.map(({ number, health }) => ({ endpoint: number, state: health.state() })),
  };

  async function attemptInTurn<Result>(work: EndpointWork<Client, Result>, deadlineMs: number): Promise<Result> {
    compareIfDue();
    let trouble: unknown;
    const turns = endpointsInTurn();
    for (const [index, endpoint] of turns.entries()) {
      const leftMs = Math.min(deadlineMs - nowMs(), limits.timeoutMs);
      if (leftMs <= 0) break;
      try {
        const result = await attempt(endpoint, work, leftMs / Math.max(1, countInRotation(turns.slice(index))));
        // Whoever serves stays in use: to change back and forth would show callers now newer and now older blocks.
        if (inUse?.health.state() !== 'serving') inUse = endpoint;
        endpoint.health.answered();
        return result;
      } catch (error) {
        if (!(error instanceof NoAnswerError) && !isFault(error, 'CHAIN_WRONG_NETWORK')) throw error;
        trouble = error;
      }
    }
    throw noneLeft(trouble);
  }

  async function attempt<Result>(
    endpoint: Endpoint<Client>,
    work: EndpointWork<Client, Result>,
    timeoutMs: number,
  ): Promise<Result> {
    const endMs = nowMs() + timeoutMs;
    if (!endpoint.health.isChecked()) await (endpoint.check ??= recognise(endpoint, timeoutMs));
    const epoch = endpoint.health.epoch();
    try {
      return await work(endpoint.client, Math.max(1, endMs - nowMs()));
    } catch (error) {
      if (error instanceof NoAnswerError) noteAbsence(endpoint, epoch, error);
      throw error;
    }
  }

  /** Looks which chain an endpoint serves: before its first use, and when it was away, for it may come back as another. */
  async function recognise(endpoint: Endpoint<Client>, timeoutMs: number): Promise<void> {
    const { health, number } = endpoint;
    const epoch = health.epoch();
    const before = health.state();
    try {
      const chain = await parts.identify(endpoint.client, timeoutMs);
      knownChain ??= chain;
      if (chain !== knownChain) throw new Fault('CHAIN_WRONG_NETWORK', { network, endpoint: number, found: chain });
      if (health.recognised(true) && before !== 'unchecked' && endpoints.length > 1) {
        onWarning('An RPC endpoint is back', { network, endpoint: number });
      }
    } catch (error) {
      if (isFault(error, 'CHAIN_WRONG_NETWORK')) {
        if (health.recognised(false)) {
          onWarning('An RPC endpoint serves another network and is left out', { network, endpoint: number });
        }
        throw error;
      }
      // A refusal of this question must not pass for one of the caller's.
      const absence =
        error instanceof NoAnswerError ? error : new NoAnswerError('error', 'it does not tell which chain it serves');
      noteAbsence(endpoint, epoch, absence);
      throw absence;
    } finally {
      endpoint.check = undefined;
    }
  }

  function noteAbsence({ health, number }: Endpoint<Client>, epoch: number, { message }: NoAnswerError): void {
    // Where there is no other, nothing changes, and whoever asked says what became of it.
    if (!health.isAway(epoch) || endpoints.length === 1) return;
    onWarning('An RPC endpoint does not answer', { network, endpoint: number, trouble: message });
  }

  /** The one in use first, then those in rotation; those that lag or are to be left alone only when nothing else is left. */
  function endpointsInTurn(): readonly Endpoint<Client>[] {
    const usable = endpoints.filter(({ health }) => health.state() !== 'wrong_network' || !health.isCoolingDown());
    const rank = (endpoint: Endpoint<Client>): number => {
      if (endpoint.health.isCoolingDown()) return 4;
      const ranks = { serving: endpoint === inUse ? 0 : 1, unchecked: endpoint === inUse ? 0 : 1, away: 2, lagging: 3 };
      const state = endpoint.health.state();
      return state === 'wrong_network' ? 4 : ranks[state];
    };
    return usable.toSorted((one, other) => rank(one) - rank(other));
  }

  function countInRotation(some: readonly Endpoint<Client>[]): number {
    return some.filter(({ health }) => !health.isCoolingDown() && health.state() !== 'lagging').length;
  }

  function noneLeft(trouble: unknown): unknown {
    if (endpoints.every(({ health }) => health.state() === 'wrong_network')) {
      return isFault(trouble) ? trouble : new Fault('CHAIN_WRONG_NETWORK', { network });
    }
    const message = trouble instanceof NoAnswerError ? trouble.message : 'no endpoint is of use';
    return new Fault('CHAIN_RPC_UNAVAILABLE', { network, endpoints: endpoints.length, trouble: message });
  }

  /** Traffic drives this, so that a pool nobody uses asks nothing and keeps no process alive. */
  function compareIfDue(): void {
    const isDue = nowMs() - comparison.startedAtMs >= limits.compareEveryMs;
    if (endpoints.length < 2 || comparison.isRunning || !isDue) return;
    comparison = { startedAtMs: nowMs(), isRunning: true };
    void compare().finally(() => (comparison.isRunning = false));
  }

  /** Brings back who is well again and finds who is behind. */
  async function compare(): Promise<void> {
    // One after another until the chain is known, lest a wrong endpoint that answers first names it.
    if (knownChain === undefined && inUse !== undefined) await heightOf(inUse);
    const heights = await Promise.all(endpoints.map(heightOf));
    const highest = heights.reduce<bigint>(
      (most, height) => (height !== undefined && height > most ? height : most),
      0n,
    );
    for (const [index, { health, number }] of endpoints.entries()) {
      const height = heights[index];
      if (height === undefined) continue;
      const blocks = highest - height;
      if (!health.isBehind(blocks > limits.maximumLag)) continue;
      const message =
        health.state() === 'lagging' ? 'An RPC endpoint lags behind the others' : 'An RPC endpoint caught up';
      onWarning(message, { network, endpoint: number, blocks });
    }
  }

  async function heightOf(endpoint: Endpoint<Client>): Promise<bigint | undefined> {
    if (endpoint.health.isCoolingDown()) return undefined;
    try {
      return await attempt(endpoint, parts.height, limits.timeoutMs);
    } catch {
      // Why was noted where it happened; here it only means that there is nothing to compare.
      return undefined;
    }
  }
}
