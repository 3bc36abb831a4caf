import { tollkeeper } from './tollkeeper-process.js';

/** The demo merchant's wallet, as `tollkeeper wallets` shows it. */
export interface DemoWallet {
  readonly id: string;
  readonly merchant: string;
  readonly addresses: readonly { readonly network: string; readonly address: string }[];
}

/** What the wallet holds of one asset, in minor units. */
export interface WalletBalance {
  readonly network: string;
  readonly asset: string;
  readonly pending: bigint;
  readonly available: bigint;
}

type Environment = Readonly<Record<string, string>>;

/** Creates the demo merchant's wallet at the first start and finds it again later. */
export async function openDemoWallet(env: Environment): Promise<DemoWallet> {
  const wallets = await tollkeeper<DemoWallet[]>(['wallets', 'list'], env);
  const known = wallets.find(({ merchant }) => merchant === 'demo');
  return known ?? tollkeeper<DemoWallet>(['wallets', 'create', '--merchant', 'demo', '--name', 'main'], env);
}

export async function readBalances(wallet: DemoWallet, env: Environment): Promise<readonly WalletBalance[]> {
  type Printed = Readonly<Record<keyof WalletBalance, string>>;
  const printed = await tollkeeper<Printed[]>(['wallets', 'balance', wallet.id], env);
  return printed.map(({ network, asset, pending, available }) => ({
    network,
    asset,
    pending: BigInt(pending),
    available: BigInt(available),
  }));
}

/** The wallet's deposit address on a network. */
export function addressOn(wallet: DemoWallet, network: string): string {
  const found = wallet.addresses.find((each) => each.network === network);
  if (found === undefined) throw new Error(`The demo wallet has no address on ${network}`);
  return found.address;
}
