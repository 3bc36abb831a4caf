import { Fault, networkFamily, parseNetworkOrName, type Asset } from '@tollkeeper/protocol';
import { InvalidArgumentError } from 'commander';
import type { Operations } from '../compose-operations.js';
import type { Control } from '../controls/control.js';
import { knownAssets } from '../reconciliation/custody-positions.js';

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
  const assets = await knownAssets(operations.database, operations.assets);
  const found = assets.find((asset) => isNamed(asset, target));
  if (found === undefined) {
    const lines = assets.map(({ network, token }) => `  ${network} ${token}`);
    throw new InvalidArgumentError(
      `no asset ${target.network} ${target.token} is known; these are:\n${lines.join('\n')}`,
    );
  }
  return { kind: target.kind, asset: found };
}

/** The case of an EVM address is a checksum and not part of it. */
function isNamed(asset: Asset, { network, token }: { readonly network: string; readonly token: string }): boolean {
  if (asset.network !== parseNetworkOrName(network)) return false;
  if (networkFamily(asset.network) === 'solana') return asset.token === token;
  return asset.token.toLowerCase() === token.toLowerCase();
}
