import { Fault, type FaultFacts, isFault } from '../faults.js';
import type { Network } from '../network.js';
import { createEndpointHealth, type EndpointHealth } from './endpoint-health.js';
import { NoAnswerError } from './no-answer-error.js';
import { RefusingEndpointError } from './refusing-endpoint-error.js';

/**
 * Throws {@link NoAnswerError} where the endpoint did not answer in time, or serves nobody for now; every other error is the
 * endpoint's answer.
 */
export type EndpointWork<Client, Result> = (client: Client, timeoutMs: number) => Promise<Result>;

/** One endpoint among others, with what its calls tell about it. */
export interface PooledEndpoint<Client> {
  /** Its place in the configuration, from 1. */
  readonly number: number;
  readonly health: EndpointHealth;
  /** Looks which chain it serves: before its first use, and when it was away, for it may come back as another. */
  readonly requireRecognised: (timeoutMs: number) => Promise<void>;
  /** Does work on it, once it is known to serve the right chain. Throws as {@link EndpointWork}, or `CHAIN_WRONG_NETWORK`. */
  readonly attempt: <Result>(work: EndpointWork<Client, Result>, timeoutMs: number) => Promise<Result>;
}

/** What the endpoints of a pool have in common. */
export interface PoolContext<Client> {
  readonly network: Network;
  /**
   * The first block's hash, after a look at whether this is the network at all.
   * @throws Fault `CHAIN_WRONG_NETWORK`
   */
  readonly identify: EndpointWork<Client, string>;
  /** The first endpoint that answers names the chain, where it is not known before; every other one must show the same. */
  readonly chain: { known: string | undefined };
  readonly cooldownMs: number;
  readonly nowMs: () => number;
  readonly onWarning: (message: string, facts: FaultFacts) => void;
  /** Told of what matters only beside other endpoints. */
  readonly onNews: (message: string, facts: FaultFacts) => void;
}

export function createPooledEndpoint<Client>(
  context: PoolContext<Client>,
  own: { readonly client: Client; readonly number: number },
): PooledEndpoint<Client> {
  const { network, chain, nowMs } = context;
  const { client, number } = own;
  const self = { network, endpoint: number };
  const health = createEndpointHealth(context);
  /** The look at which chain it serves, while one is under way. */
  let recognition: Promise<void> | undefined;

  return { number, health, requireRecognised, attempt };

  async function attempt<Result>(work: EndpointWork<Client, Result>, timeoutMs: number): Promise<Result> {
    const endMs = nowMs() + timeoutMs;
    await requireRecognised(timeoutMs);
    const epoch = health.epoch();
    try {
      const result = await work(client, Math.max(1, endMs - nowMs()));
      if (health.isServing(epoch)) context.onNews('An RPC endpoint is back', self);
      return result;
    } catch (error) {
      if (error instanceof NoAnswerError) noteAbsence(epoch, error);
      throw error;
    }
  }

  async function requireRecognised(timeoutMs: number): Promise<void> {
    if (health.isChecked()) return;
    // Whoever began it may have more time, and the next endpoint needs the rest of this caller's.
    if (recognition !== undefined) return inTime(recognition, timeoutMs);
    recognition = recognise(timeoutMs).finally(() => (recognition = undefined));
    await recognition;
  }

  async function recognise(timeoutMs: number): Promise<void> {
    const [epoch, before] = [health.epoch(), health.state()];
    try {
      const found = await context.identify(client, timeoutMs);
      chain.known ??= found;
      if (found !== chain.known) throw new Fault('CHAIN_WRONG_NETWORK', { ...self, found });
      if (health.recognised(true) && before !== 'unchecked') context.onNews('An RPC endpoint is back', self);
    } catch (error) {
      if (isFault(error, 'CHAIN_WRONG_NETWORK')) {
        if (health.recognised(false)) context.onWarning('An RPC endpoint serves another network and is left out', self);
        throw error;
      }
      // A refusal of this question must not pass for one of the caller's.
      const absence =
        error instanceof NoAnswerError ? error : new NoAnswerError('error', 'it does not tell which chain it serves');
      noteAbsence(epoch, absence);
      throw absence;
    }
  }

  function noteAbsence(epoch: number, error: NoAnswerError): void {
    const facts = { ...self, trouble: error.message };
    if (error instanceof RefusingEndpointError) {
      if (health.isRefusing(epoch)) context.onNews('An RPC endpoint refuses to serve', facts);
    } else if (health.isAway(epoch)) context.onNews('An RPC endpoint does not answer', facts);
  }
}

async function inTime(recognition: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      reject,
      timeoutMs,
      new NoAnswerError('timeout', 'it does not tell in time which chain it serves'),
    );
  });
  try {
    await Promise.race([recognition, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
