import type { Chain, Observation, SubmittedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';

/** After so many transactions in a row that the node did not tell about, it is taken to tell about none. */
const silencesOfDeadNode = 3;

/**
 * What the chain says of each transaction, in the order given; undefined where the node does not tell. One that it cannot tell
 * about must not hide what it tells about the others, so where it does not answer for all together it is asked for each.
 */
export async function observeApart(
  parts: { readonly chain: Chain; readonly log: Logger },
  sent: readonly SubmittedTransaction[],
): Promise<readonly (Observation | undefined)[]> {
  const together = await tryObserve(parts, sent);
  if (together !== undefined) return together;
  const observations: (Observation | undefined)[] = [];
  let silences = sent.length === 1 ? silencesOfDeadNode : 0;
  for (const each of sent) {
    const alone = silences < silencesOfDeadNode ? await tryObserve(parts, [each]) : undefined;
    silences = alone === undefined ? silences + 1 : 0;
    observations.push(alone?.[0]);
  }
  return observations;
}

async function tryObserve(
  { chain, log }: { readonly chain: Chain; readonly log: Logger },
  sent: readonly SubmittedTransaction[],
): Promise<readonly Observation[] | undefined> {
  try {
    return await chain.observe(sent);
  } catch (error) {
    const only = sent.length === 1 ? { transaction: sent[0]?.id } : {};
    log.warn({ err: error, network: chain.network, ...only }, 'observation failed; it is tried again');
    return undefined;
  }
}
