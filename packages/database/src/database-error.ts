import { Fault, type FaultFacts } from '@tollkeeper/protocol';
import pg from 'pg';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const INVALID_PARAMETER_VALUE = '22023';
const TOO_MANY_CONNECTIONS = '53300';
const RETRYABLE = new Set(['40001', '40P01']);

/** The session is gone or was never given: classes 08 and 28, shutdown and crash, resources, terminated sessions. */
const CONNECTION_LOST = /^(08...|28...|57P0.|53...|58...|25P0[34])$/;

/** A migration changed the columns of a statement that this connection had prepared; a new connection prepares it anew. */
const STALE_STATEMENT = 'RevalidateCachedQuery';

/** The server gave up on a statement: it was cancelled by a timeout, or waited too long for a lock. */
const NO_ANSWER_IN_TIME = new Set(['57014', '55P03']);

/** The SQLSTATE of an error that PostgreSQL reported, also when a fault wraps it. */
export function sqlStateOf(error: unknown): string | undefined {
  return databaseErrorOf(error)?.code;
}

/** Whether a statement failed because a row like it exists, by the named unique constraint if one is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return isViolation(error, { sqlState: UNIQUE_VIOLATION, constraint });
}

/** Whether a statement failed because a row breaks a CHECK, the named one if one is named. */
export function isCheckViolation(error: unknown, constraint?: string): boolean {
  return isViolation(error, { sqlState: CHECK_VIOLATION, constraint });
}

/** Whether the same transaction may succeed when it is run again: a deadlock or a serialization failure. */
export function isRetryableConflict(error: unknown): boolean {
  return RETRYABLE.has(sqlStateOf(error) ?? '');
}

/** Whether the server refused a session because it has as many as it may, for now. */
export function isServerFull(error: unknown): boolean {
  return sqlStateOf(error) === TOO_MANY_CONNECTIONS;
}

/** Whether nothing can be said about the connection any more, so that it must not return to the pool. */
export function isConnectionLost(error: unknown): boolean {
  const databaseError = databaseErrorOf(error);
  if (databaseError === undefined) return true;
  return CONNECTION_LOST.test(databaseError.code ?? '') || databaseError.routine === STALE_STATEMENT;
}

/**
 * What a caller sees: an error of the statement stays what it is, because its SQLSTATE and constraint mean something to
 * the caller; everything else that the driver throws means that the database did not answer.
 */
export function asDatabaseFault(error: unknown, facts: FaultFacts = {}): unknown {
  if (error instanceof Fault || error instanceof TypeError || error instanceof RangeError) return error;
  if (!isConnectionLost(error) && !NO_ANSWER_IN_TIME.has(sqlStateOf(error) ?? '')) return error;
  return unavailable(error, facts);
}

/** Nothing that happens before the first statement is about the statement. */
export function asConnectFault(error: unknown): Fault {
  // The role comes with the first migration, and a start-up option that names a missing one is an invalid value.
  if (sqlStateOf(error) === INVALID_PARAMETER_VALUE) return new Fault('MIGRATIONS_PENDING', {}, { cause: error });
  return unavailable(error, {});
}

function unavailable(error: unknown, facts: FaultFacts): Fault {
  const sqlState = sqlStateOf(error);
  const known = sqlState === undefined ? facts : { ...facts, sqlState };
  return new Fault('DATABASE_UNAVAILABLE', known, { cause: error });
}

function isViolation(error: unknown, expected: { sqlState: string; constraint: string | undefined }): boolean {
  const databaseError = databaseErrorOf(error);
  if (databaseError?.code !== expected.sqlState) return false;
  return expected.constraint === undefined || databaseError.constraint === expected.constraint;
}

function databaseErrorOf(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error;
  return error instanceof Fault ? databaseErrorOf(error.cause) : undefined;
}
