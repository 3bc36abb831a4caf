import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { AccountChange } from './account-store.js';
import type { LandedTransaction } from './landed-transaction.js';
import { lockStateFile } from './state-lock.js';

/** What a chain remembers from its former life. */
export interface FormerLife {
  /** Blockhashes follow from it. */
  readonly seed: string;
  /** No block at or after this slot exists yet; undefined for a new chain. */
  readonly nextSlot: number | undefined;
  readonly accounts: readonly AccountChange[];
  readonly landed: readonly LandedTransaction[];
}

/**
 * The chain's append-only state file. A record is on its way to the disk when the call returns, so a killed process loses
 * nothing that it answered; a half-written last record is ignored.
 */
export interface Journal {
  readonly formerLife: FormerLife;
  readonly landed: (landed: LandedTransaction, changes: readonly AccountChange[]) => void;
  accounts(changes: readonly AccountChange[]): void;
  slot(slot: number): void;
  /** Notes the exact slot, writes everything through to the disk, and closes. */
  close(slot: number): void;
}

/** Writing every slot would fill the disk with idle time, so slots are claimed this many at a time. */
const slotsPerClaim = 16;

type AccountRecord =
  | readonly [address: string, lamports: string, owner: string, executable: boolean, data: string]
  | readonly [address: string];

type JournalRecord =
  | { readonly kind: 'chain'; readonly format: 1; readonly seed: string }
  | { readonly kind: 'slot'; readonly until: number }
  | { readonly kind: 'accounts'; readonly accounts: readonly AccountRecord[] }
  | {
      readonly kind: 'landed';
      readonly landed: Omit<LandedTransaction, 'wire'> & { readonly wire: string };
      readonly accounts: readonly AccountRecord[];
    };

/** Opens the state file, making it if absent, and compacts what it holds. Without a file, nothing is kept. */
export function openJournal(file: string | undefined): Journal {
  if (file === undefined) return forgetfulJournal();
  const unlock = lockStateFile(file);
  const formerLife = existsSync(file) ? readJournal(file) : newLife();
  const fd = rewrite(file, formerLife);
  let claimedUntil = formerLife.nextSlot ?? 0;
  const append = (record: JournalRecord): void => {
    writeRecord(fd, record);
  };
  return {
    formerLife,
    landed: (landed, changes) => {
      append(landedRecord(landed, changes));
    },
    accounts: (changes) => {
      append({ kind: 'accounts', accounts: changes.map(accountRecord) });
    },
    slot(slot) {
      if (slot < claimedUntil) return;
      claimedUntil = slot + slotsPerClaim;
      append({ kind: 'slot', until: claimedUntil });
    },
    close(slot) {
      append({ kind: 'slot', until: slot + 1 });
      fsyncSync(fd);
      closeSync(fd);
      unlock();
    },
  };
}

function newLife(): FormerLife {
  return { seed: randomBytes(16).toString('hex'), nextSlot: undefined, accounts: [], landed: [] };
}

function forgetfulJournal(): Journal {
  const nothing = (): void => undefined;
  return { formerLife: newLife(), landed: nothing, accounts: nothing, slot: nothing, close: nothing };
}

function readJournal(file: string): FormerLife {
  const accounts = new Map<string, AccountChange>();
  const landed: LandedTransaction[] = [];
  let seed: string | undefined;
  let nextSlot: number | undefined;
  const absorb = (records: readonly AccountRecord[]): void => {
    for (const change of records.map(readAccountRecord)) accounts.set(change[0], change);
  };
  for (const record of completeRecords(readFileSync(file))) {
    switch (record.kind) {
      case 'chain':
        seed = record.seed;
        break;
      case 'slot':
        nextSlot = record.until;
        break;
      case 'accounts':
        absorb(record.accounts);
        break;
      case 'landed':
        landed.push({ ...record.landed, wire: new Uint8Array(Buffer.from(record.landed.wire, 'base64')) });
        absorb(record.accounts);
    }
  }
  if (seed === undefined) {
    if (landed.length + accounts.size > 0) throw new Error(`The chain state file ${file} has lost its beginning`);
    return newLife();
  }
  return { seed, nextSlot, accounts: [...accounts.values()], landed };
}

function* completeRecords(content: Buffer): Generator<JournalRecord> {
  let start = 0;
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, start)) {
    yield JSON.parse(content.toString('utf8', start, end)) as JournalRecord;
    start = end + 1;
  }
}

function rewrite(file: string, life: FormerLife): number {
  const fresh = `${file}.new`;
  const fd = openSync(fresh, 'w', 0o600);
  writeRecord(fd, { kind: 'chain', format: 1, seed: life.seed });
  if (life.nextSlot !== undefined) writeRecord(fd, { kind: 'slot', until: life.nextSlot });
  for (const change of life.accounts) writeRecord(fd, { kind: 'accounts', accounts: [accountRecord(change)] });
  for (const landed of life.landed) writeRecord(fd, landedRecord(landed, []));
  fsyncSync(fd);
  renameSync(fresh, file);
  return fd;
}

function writeRecord(fd: number, record: JournalRecord): void {
  const line = Buffer.from(`${JSON.stringify(record)}\n`);
  for (let written = 0; written < line.length;) written += writeSync(fd, line, written);
}

function landedRecord(landed: LandedTransaction, changes: readonly AccountChange[]): JournalRecord {
  const wire = Buffer.from(landed.wire).toString('base64');
  return { kind: 'landed', landed: { ...landed, wire }, accounts: changes.map(accountRecord) };
}

function accountRecord([address, account]: AccountChange): AccountRecord {
  if (account === undefined) return [address];
  const { lamports, owner, executable, data } = account;
  return [address, lamports.toString(), owner, executable, Buffer.from(data).toString('base64')];
}

function readAccountRecord(record: AccountRecord): AccountChange {
  if (record.length === 1) return [record[0], undefined];
  const [address, lamports, owner, executable, data] = record;
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  return [address, { lamports: BigInt(lamports), owner, executable, data: bytes }];
}
