import { Fault } from '@tollkeeper/protocol';
import type { Operations } from '../compose-operations.js';
import type { Control } from '../controls/control.js';
import { findAsset } from './find-asset.js';

/** Something to stop or resume, as an operator names it. */
export type ControlTarget =
  | { readonly kind: 'settlement' }
  | { readonly kind: 'merchant'; readonly name: string }
  | { readonly kind: 'asset' | 'outflows'; readonly network: string; readonly token: string };

/**
 * What the operator means. A mistyped name would stop nothing and look as if it had, so it is refused.
 * @throws Fault `MERCHANT_NOT_FOUND`, or an InvalidArgumentError that names the known assets.
 */
export async function findControl(operations: Operations, target: ControlTarget): Promise<Control> {
  if (target.kind === 'settlement') return { kind: target.kind };
  if (target.kind === 'merchant') {
    const [row] = await operations.database.sql<{ id: string }>`SELECT id FROM merchant WHERE name = ${target.name}`;
    if (row === undefined) throw new Fault('MERCHANT_NOT_FOUND', { name: target.name });
    return { kind: target.kind, merchantId: row.id };
  }
  return { kind: target.kind, asset: await findAsset(operations, target) };
}
