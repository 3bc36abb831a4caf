import type { Chain, Observation, ObservedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';

/** After so many transactions in a row that the node did not tell about, it is taken to tell about none. */
const silencesOfDeadNode = 3;

/**
 * What the chain says of each transaction, in the order given; undefined where the node does not tell. One that it cannot tell
 * about must not hide what it tells about the others, so where it does not answer for all together it is asked for each.
 * `isHasty` as in {@link Chain.observe}.
 */
export async function observeApart(
  parts: { readonly chain: Chain; readonly log: Logger; readonly isHasty?: boolean },
  sent: readonly ObservedTransaction[],
): Promise<readonly (Observation | undefined)[]> {
  const together = await tryObserve(parts, sent);
  if (together.observations !== undefined) return together.observations;
  const observations: (Observation | undefined)[] = [];
  const troubles: { readonly err: unknown; readonly transaction: string }[] = [];
  let silences = sent.length === 1 ? silencesOfDeadNode : 0;
  for (const each of sent) {
    const alone = silences < silencesOfDeadNode ? await tryObserve(parts, [each]) : undefined;
    silences = alone?.observations === undefined ? silences + 1 : 0;
    if (alone !== undefined && alone.observations === undefined)
      troubles.push({ err: alone.error, transaction: each.id });
    observations.push(alone?.observations?.[0]);
  }
  // A node that tells nothing is one trouble, however many transactions it was asked for.
  const isSilent = observations.every((observation) => observation === undefined);
  for (const trouble of isSilent ? [{ err: together.error }] : troubles) {
    parts.log.warn({ ...trouble, network: parts.chain.network }, 'observation failed; it is tried again');
  }
  return observations;
}

async function tryObserve(
  { chain, isHasty = false }: { readonly chain: Chain; readonly isHasty?: boolean },
  sent: readonly ObservedTransaction[],
): Promise<{ readonly observations?: readonly Observation[]; readonly error?: unknown }> {
  try {
    return { observations: await chain.observe(sent, { isHasty }) };
  } catch (error) {
    return { error };
  }
}
