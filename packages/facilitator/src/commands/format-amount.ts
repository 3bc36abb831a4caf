import { knownTokensOf, type Asset } from '@tollkeeper/protocol';

/** An amount for people: whole units and the symbol where the token is known, minor units and its address otherwise. */
export function formatAmount(asset: Asset, minorUnits: bigint): string {
  const known = knownTokensOf(asset.network).find(({ token }) => token === asset.token);
  if (known === undefined) return `${minorUnits} minor units of ${asset.token}`;
  const sign = minorUnits < 0n ? '-' : '';
  const digits = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(known.decimals + 1, '0');
  const point = digits.length - known.decimals;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)} ${known.symbol}`;
}
