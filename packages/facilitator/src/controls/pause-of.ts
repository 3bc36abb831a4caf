import { Fault, type Authorization } from '@tollkeeper/protocol';
import type { Control } from './control.js';
import type { ControlWatch } from './watch-controls.js';

/** A pause lasts minutes rather than milliseconds. */
const retryAfterSeconds = 5;

/** What a caller is told while an operator keeps payments like this one from being signed; undefined while nobody does. */
export function pauseOf(controls: Pick<ControlWatch, 'pausing'>, authorization: Authorization): Fault | undefined {
  const active = controls.pausing(authorization);
  if (active === undefined) return undefined;
  return new Fault('SETTLEMENT_PAUSED', { detail: sentences[active.control.kind], retryAfterSeconds });
}

/** What a caller is told; the operator's reason stays inside. */
const sentences: Readonly<Record<Control['kind'], string>> = {
  settlement: 'Settlement is paused; nothing was signed, ask again later',
  merchant: 'Payments to this merchant are paused; nothing was signed, ask again later',
  asset: 'Payments in this asset are paused; nothing was signed, ask again later',
  outflows: 'Withdrawals of this asset are frozen',
};
