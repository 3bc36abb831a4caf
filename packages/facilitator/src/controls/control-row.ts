import type { Network } from '@tollkeeper/protocol';
import type { ActiveControl, Control } from './control.js';

/** A row of the table `control`; which columns are set follows from its kind. */
export interface ControlRow {
  readonly kind: Control['kind'];
  readonly merchantId: string | null;
  readonly network: Network | null;
  readonly token: string | null;
  readonly reason: string;
  readonly setBy: ActiveControl['setBy'];
  readonly since: Date;
}

export function toActiveControl(row: ControlRow): ActiveControl {
  return { control: toControl(row), reason: row.reason, setBy: row.setBy, since: row.since };
}

/** The columns that say what is stopped. */
export function columnsOf(control: Control): Pick<ControlRow, 'merchantId' | 'network' | 'token'> {
  return {
    merchantId: control.kind === 'merchant' ? control.merchantId : null,
    network: 'asset' in control ? control.asset.network : null,
    token: 'asset' in control ? control.asset.token : null,
  };
}

function toControl({ kind, merchantId, network, token }: ControlRow): Control {
  if (kind === 'settlement') return { kind };
  if (kind === 'merchant' && merchantId !== null) return { kind, merchantId };
  if (kind !== 'merchant' && network !== null && token !== null) return { kind, asset: { network, token } };
  throw new TypeError('The constraints of the table control do not allow this row');
}
