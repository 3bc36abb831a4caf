import type { Database } from '@tollkeeper/database';
import { generateDepositKey as generateEvmKey, parseEvmAddress } from '@tollkeeper/evm';
import type { Ledger } from '@tollkeeper/ledger';
import type { Clock } from '@tollkeeper/protocol';
import { generateDepositKey as generateSvmKey, parseSvmAddress } from '@tollkeeper/svm';
import { createDepositAccounts } from './custody/deposit-accounts.js';
import { createDepositAddresses, type CustodyNetwork } from './custody/deposit-addresses.js';
import { createKeyVault, type EncryptionKeys } from './custody/key-vault.js';
import { createPayoutAddresses } from './custody/payout-addresses.js';
import { createWallets } from './custody/wallets.js';

/** Wallets and their addresses, on whatever networks are configured. */
export function createCustody(parts: {
  readonly networks: readonly CustodyNetwork[];
  readonly database: Database;
  readonly ledger: Ledger;
  readonly keys: EncryptionKeys;
  readonly clock: Clock;
}) {
  const addresses = createDepositAddresses({
    vault: createKeyVault(parts),
    networks: parts.networks,
    generateKey: { eip155: generateEvmKey, solana: generateSvmKey },
  });
  const accounts = createDepositAccounts(parts);
  const wallets = createWallets({ ...parts, addresses, accounts });
  const parseAddress = { eip155: parseEvmAddress, solana: parseSvmAddress };
  return { accounts, wallets, payouts: createPayoutAddresses({ ...parts, parseAddress }) };
}

export function canonicalAddress(text: string): string {
  return parseEvmAddress(text) ?? text;
}
