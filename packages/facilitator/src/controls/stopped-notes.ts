import type { ActiveControl } from './control.js';

/** What `/ready` and the metrics say of something that is stopped. They are public: no merchant is named, and no reason. */
export interface StoppedNote {
  readonly kind: ActiveControl['control']['kind'];
  readonly network?: string;
  readonly asset?: string;
  readonly count: number;
}

/** One note for settlement, one for all merchants together, one for each asset. */
export function stoppedNotes(active: readonly ActiveControl[]): readonly StoppedNote[] {
  const notes = active.flatMap(({ control }): StoppedNote[] => {
    if (control.kind === 'merchant') return [];
    if (control.kind === 'settlement') return [{ kind: control.kind, count: 1 }];
    return [{ kind: control.kind, network: control.asset.network, asset: control.asset.token, count: 1 }];
  });
  const merchants = active.filter(({ control }) => control.kind === 'merchant').length;
  return merchants === 0 ? notes : [...notes, { kind: 'merchant', count: merchants }];
}
