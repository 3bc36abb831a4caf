import { isCheckViolation, isUniqueViolation, type Sql } from '@tollkeeper/database';
import { Fault, networkFamily, type Chain, type Clock, type Network, type NetworkFamily } from '@tollkeeper/protocol';
import { uuidv7 } from '../uuid.js';
import type { CustodyNetwork } from './deposit-addresses.js';

/** An address outside to which a wallet may be paid out. */
export interface PayoutAddress {
  readonly id: string;
  readonly walletId: string;
  readonly network: Network;
  readonly address: string;
  readonly label: string;
  readonly createdAt: Date;
  /** It is used from then on, by the clock of the database. */
  readonly usableFrom: Date;
}

interface PayoutParts {
  readonly clock: Clock;
  readonly networks: readonly CustodyNetwork[];
  /** Reads an address of the family into its one spelling; undefined for anything else. */
  readonly parseAddress: Readonly<Record<NetworkFamily, (text: string) => string | undefined>>;
}

export type PayoutAddresses = ReturnType<typeof createPayoutAddresses>;

/**
 * Payout addresses of wallets. Each waits before its first use, so that whoever stole a key cannot add an address and empty a
 * wallet before its owner notices. How long is the merchant's, and the database starts the wait.
 */
export function createPayoutAddresses(parts: PayoutParts) {
  return { add, list, remove, requireUsable };

  /**
   * Adds an address to a wallet that this transaction sees.
   * @throws Fault `PAYOUT_ADDRESS_REFUSED` for what cannot be paid out to: no address of the network, one of ours, a token
   * @throws Fault `PAYOUT_ADDRESS_EXISTS`, `PAYOUT_ADDRESS_QUOTA_REACHED`
   */
  async function add(
    sql: Sql,
    wanted: { readonly walletId: string; readonly network: string; readonly address: string; readonly label: string },
  ): Promise<PayoutAddress> {
    const { network, address } = canonical(parts, wanted);
    const id = uuidv7(parts.clock);
    try {
      await sql`
        INSERT INTO payout_address (id, wallet_id, network, address, label)
        VALUES (${id}::uuid, ${wanted.walletId}::uuid, ${network}, ${address}, ${wanted.label})`;
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
    const [added] = await sql<PayoutAddress>`
      SELECT id, wallet_id AS "walletId", network, address, label, created_at AS "createdAt", usable_from AS "usableFrom"
      FROM payout_address WHERE id = ${id}::uuid`;
    if (added === undefined) throw new Fault('INTERNAL', { problem: 'an insert without its row' });
    return added;
  }

  /** Those of a wallet that were not removed; there are never more than the database allows one wallet. */
  async function list(sql: Sql, walletId: string): Promise<readonly PayoutAddress[]> {
    return sql<PayoutAddress>`
      SELECT id, wallet_id AS "walletId", network, address, label, created_at AS "createdAt", usable_from AS "usableFrom"
      FROM payout_address WHERE wallet_id = ${walletId}::uuid AND removed_at IS NULL ORDER BY id`;
  }

  /** @throws Fault `PAYOUT_ADDRESS_NOT_FOUND` */
  async function remove(
    sql: Sql,
    { walletId, id }: { readonly walletId: string; readonly id: string },
  ): Promise<PayoutAddress> {
    const [removed] = await sql<PayoutAddress>`
      UPDATE payout_address SET removed_at = now()
      WHERE id = ${id}::uuid AND wallet_id = ${walletId}::uuid AND removed_at IS NULL
      RETURNING id, wallet_id AS "walletId", network, address, label, created_at AS "createdAt", usable_from AS "usableFrom"`;
    if (removed === undefined) throw new Fault('PAYOUT_ADDRESS_NOT_FOUND', { id });
    return removed;
  }

  /**
   * What everything asks that pays out to an address. It cannot be removed before the transaction ends.
   * @throws Fault `PAYOUT_ADDRESS_NOT_FOUND`, `PAYOUT_ADDRESS_WAITING`
   */
  async function requireUsable(
    sql: Sql,
    { walletId, id }: { readonly walletId: string; readonly id: string },
  ): Promise<PayoutAddress> {
    const [found] = await sql<PayoutAddress & { usable: boolean }>`
      SELECT id, wallet_id AS "walletId", network, address, label, created_at AS "createdAt", usable_from AS "usableFrom",
        usable_from <= clock_timestamp() AS usable
      FROM payout_address
      WHERE id = ${id}::uuid AND wallet_id = ${walletId}::uuid AND removed_at IS NULL
      FOR SHARE`;
    if (found === undefined) throw new Fault('PAYOUT_ADDRESS_NOT_FOUND', { id });
    const { usable, ...address } = found;
    if (!usable)
      throw new Fault('PAYOUT_ADDRESS_WAITING', { id, detail: `Usable from ${address.usableFrom.toISOString()}` });
    return address;
  }
}

/** The one way to write an address, so that the same one is not registered twice. */
function canonical(
  { networks, parseAddress }: PayoutParts,
  wanted: { readonly network: string; readonly address: string },
): { readonly network: Network; readonly address: string } {
  const served = networks.find(({ chain }) => chain.network === wanted.network);
  if (served === undefined) throw refused('This facilitator does not serve this network');
  const { chain, assets } = served;
  const address = parseAddress[networkFamily(chain.network)](wanted.address);
  if (address === undefined) throw refused('This is not an address of this network');
  if (isOurs(chain, address) || assets.some(({ token }) => token === address) || /^0x0{40}$/.test(address)) {
    throw refused('Money that is sent to this address is lost, or ours');
  }
  return { network: chain.network, address };
}

function isOurs({ signers }: Chain, address: string): boolean {
  return signers.includes(address);
}

function refusalOf(error: unknown): Fault | undefined {
  const options = { cause: error };
  if (isUniqueViolation(error, 'payout_address_once')) return new Fault('PAYOUT_ADDRESS_EXISTS', {}, options);
  if (isCheckViolation(error, 'payout_address_quota')) return new Fault('PAYOUT_ADDRESS_QUOTA_REACHED', {}, options);
  return isCheckViolation(error, 'payout_address_outside') ? refused('This address is in custody here') : undefined;
}

function refused(detail: string): Fault {
  return new Fault('PAYOUT_ADDRESS_REFUSED', { detail });
}
