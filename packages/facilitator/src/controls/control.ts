import type { Asset } from '@tollkeeper/protocol';

/** Something that is stopped: all settlement, payments to one merchant, payments in one asset, or an asset's withdrawals. */
export type Control =
  | { readonly kind: 'settlement' }
  | { readonly kind: 'merchant'; readonly merchantId: string }
  | { readonly kind: 'asset' | 'outflows'; readonly asset: Asset };

/** Why, by whom and since when it is stopped. `reason` is for operators and is never shown to callers. */
export interface ActiveControl {
  readonly control: Control;
  readonly reason: string;
  readonly setBy: 'operator' | 'reconciliation';
  readonly since: Date;
}

/** A short name for people, the audit and the log. */
export function nameOfControl(control: Control): string {
  switch (control.kind) {
    case 'settlement':
      return 'settlement';
    case 'merchant':
      return `merchant ${control.merchantId}`;
    case 'asset':
    case 'outflows':
      return `${control.kind} ${control.asset.network} ${control.asset.token}`;
  }
}
