import type { AccountStore } from './account-store.js';
import type { LoadedAddresses } from './landed-transaction.js';
import { addressAt } from './token-account.js';
import type { ParsedMessage } from './transaction-parser.js';

export const addressLookupTableProgram = 'AddressLookupTab1e1111111111111111111111111';
/** Addresses of a lookup table begin after its fixed part. */
export const tableHeaderLength = 56;

/** Resolves the lookup-table keys of a message, or names the transaction error that they cause. */
export function resolveLookups(message: ParsedMessage, accounts: AccountStore): LoadedAddresses | string {
  const writable: string[] = [];
  const readonly: string[] = [];
  for (const lookup of message.addressTableLookups) {
    const table = accounts.read(lookup.accountKey);
    if (table === undefined) return 'AddressLookupTableNotFound';
    if (table.owner !== addressLookupTableProgram) return 'InvalidAddressLookupTableOwner';
    const held = (table.data.length - tableHeaderLength) / 32;
    if (held < 0 || !Number.isInteger(held)) return 'InvalidAddressLookupTableData';
    const take = (index: number): string => addressAt(table.data, tableHeaderLength + index * 32);
    if ([...lookup.writableIndexes, ...lookup.readonlyIndexes].some((index) => index >= held)) {
      return 'InvalidAddressLookupTableIndex';
    }
    writable.push(...lookup.writableIndexes.map(take));
    readonly.push(...lookup.readonlyIndexes.map(take));
  }
  return { writable, readonly };
}
