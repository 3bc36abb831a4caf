import { cooldownGrowth } from './pool-limits.js';

/**
 * unchecked: not used yet. serving: it answers and is the chain that is meant. lagging: the same, but far behind the others.
 * refusing: it answers that it serves nobody for now. away: it did not answer; which chain it is has to be seen again.
 * wrong_network: it is another chain.
 */
export type EndpointState = 'unchecked' | 'serving' | 'lagging' | 'refusing' | 'away' | 'wrong_network';

/** What is known of one endpoint. Outcomes of calls that began before its last change of heart do not count. */
export interface EndpointHealth {
  readonly state: () => EndpointState;
  /** Names the present; given back with the outcome of a call that began in it. */
  readonly epoch: () => number;
  /** Whether it was seen to be the right chain, and has answered since, be it with a refusal. */
  readonly isChecked: () => boolean;
  /** Whether it is to be left alone for now. */
  readonly isCoolingDown: () => boolean;
  /** True when that was news. */
  readonly isAway: (epoch: number) => boolean;
  /** It answered that it serves nobody for now. True when that was news. */
  readonly isRefusing: (epoch: number) => boolean;
  /** It gave a result, so a refusal is over. True when that was news. */
  readonly isServing: (epoch: number) => boolean;
  /** A caller got what it asked for, so the next cooldown is a short one again. */
  readonly answered: () => void;
  /** The chain was seen: the right one, or another. True when that was news. */
  readonly recognised: (isRight: boolean) => boolean;
  /** True when that was news. */
  readonly isBehind: (behind: boolean) => boolean;
}

export function createEndpointHealth(parts: { cooldownMs: number; nowMs: () => number }): EndpointHealth {
  const { cooldownMs, nowMs } = parts;
  let state: EndpointState = 'unchecked';
  let isChecked = false;
  let epoch = 0;
  let failures = 0;
  let leftAloneUntilMs = -Infinity;

  function leaveAlone(): void {
    leftAloneUntilMs = nowMs() + cooldownMs * Math.min(2 ** failures, cooldownGrowth);
    failures += 1;
    epoch += 1;
  }

  function become(next: EndpointState): boolean {
    const isNews = state !== next;
    state = next;
    return isNews;
  }

  return {
    state: () => state,
    epoch: () => epoch,
    isChecked: () => isChecked,
    isCoolingDown: () => nowMs() < leftAloneUntilMs,
    isAway(at) {
      // Of many calls that fail together only the first says something new.
      if (at !== epoch) return false;
      leaveAlone();
      isChecked = false;
      return become('away');
    },
    isRefusing(at) {
      if (at !== epoch) return false;
      // Whoever answers is still the node that it was: to look at its chain again would only spend more of its quota.
      leaveAlone();
      return become('refusing');
    },
    isServing(at) {
      if (state !== 'refusing' || at !== epoch) return false;
      leftAloneUntilMs = -Infinity;
      return become('serving');
    },
    answered() {
      if (state === 'serving') failures = 0;
    },
    recognised(isRight) {
      isChecked = isRight;
      if (!isRight) {
        leaveAlone();
        return become('wrong_network');
      }
      leftAloneUntilMs = -Infinity;
      return become('serving');
    },
    isBehind: (behind) => (state === 'serving' || state === 'lagging') && become(behind ? 'lagging' : 'serving'),
  };
}
