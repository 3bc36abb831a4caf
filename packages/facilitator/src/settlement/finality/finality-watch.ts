import { createBackgroundWork, type BackgroundWork } from '../../background-work.js';
import { createFinalityLook, type FinalityLookParts } from './finality-look.js';

/** A transaction that a reorg dropped is sought in every look at first, and later in every so many looks. */
const eagerSeconds = 600;
const looksPerThoroughOne = 100;
const foreverSeconds = 10 ** 9;

/**
 * Follows the effects of one network until they are final. Keeps nothing that a restart would need, and may run in any number
 * of processes at once.
 */
export function createFinalityWatch(parts: FinalityLookParts & { readonly pollMs: number }): BackgroundWork {
  const look = createFinalityLook(parts);
  let looks = 0;
  return createBackgroundWork(async (abort) => {
    const reversedWithinSeconds = looks % looksPerThoroughOne === 0 ? foreverSeconds : eagerSeconds;
    looks += 1;
    await look({ reversedWithinSeconds, abort });
    return parts.pollMs;
  });
}
