import type { Database } from '@tollkeeper/database';
import { networkFamily, parseNetworkOrName, type Asset } from '@tollkeeper/protocol';
import { InvalidArgumentError } from 'commander';
import { knownAssets } from '../reconciliation/custody-positions.js';

/** An asset as an operator names it. */
interface NamedAsset {
  readonly network: string;
  readonly token: string;
}

/**
 * The asset that the operator means, in the one spelling that everything else has it in. What nobody knows is refused, because
 * whatever is set for it would look as if it were in force.
 * @throws InvalidArgumentError that names the known assets
 */
export async function findAsset(
  known: { readonly database: Database; readonly assets: readonly Asset[] },
  named: NamedAsset,
): Promise<Asset> {
  const assets = await knownAssets(known.database, known.assets);
  const found = assets.find((asset) => isNamed(asset, named));
  if (found !== undefined) return found;
  const lines = assets.map(({ network, token }) => `  ${network} ${token}`);
  throw new InvalidArgumentError(`no asset ${named.network} ${named.token} is known; these are:\n${lines.join('\n')}`);
}

/** The case of an EVM address is a checksum and not part of it. */
function isNamed(asset: Asset, { network, token }: NamedAsset): boolean {
  if (asset.network !== parseNetworkOrName(network)) return false;
  if (networkFamily(asset.network) === 'solana') return asset.token === token;
  return asset.token.toLowerCase() === token.toLowerCase();
}
