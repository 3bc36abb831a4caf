import { sqlStateOf } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** A class of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DATA_EXCEPTION = '22';

/** Fields that may hold a secret wherever they stand in what we log. */
const secretFields = ['privateKey', 'secret', 'signature', 'raw', 'password', 'encryptionKey', 'encryptedKey'];

const secretHeaders = ['authorization', 'x-api-key', 'payment-signature', 'x-payment'];

/** A path has no wildcard for any depth; what we log is flat, so three levels are more than there are. */
const redacted = [
  ...secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
  ...secretHeaders.flatMap((header) => [`headers["${header}"]`, `*.headers["${header}"]`]),
];

/** One JSON line per event on standard output; the message is a fixed sentence and the data are fields. */
export function createLogger(options: {
  readonly level: string;
  readonly destination?: NodeJS.WritableStream;
}): Logger {
  return pino(
    {
      level: options.level,
      redact: { paths: redacted, censor: '[secret]' },
      serializers: { err: describeError, error: describeError },
      base: { service: 'tollkeeper' },
    },
    ...(options.destination === undefined ? [] : [options.destination]),
  );
}

interface Parent<Log> {
  child(bindings: object, options: { redact: string[] }): Log;
}

/**
 * The same log for lines of which every field comes from us: an id, a hash, a number, a word of a closed list. To search those for
 * secrets costs more than all the rest of the line, and a line for each request or payment is most of what is logged.
 */
export function withoutRedaction<Log extends Parent<Log>>(log: Log): Log {
  return log.child({}, { redact: [] });
}

/** What an error says without what it may carry: drivers attach connection strings, queries and parameters to theirs. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const message = messageOf(error);
  return {
    type: error.name,
    ...(error instanceof Fault ? { code: error.code, facts: error.facts } : {}),
    message,
    stack: error.stack?.replace(error.message, message),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** A message of PostgreSQL names tables and constraints, but for a data exception it quotes the value that it cannot take. */
function messageOf(error: Error): string {
  const sqlState = error instanceof Fault ? undefined : sqlStateOf(error);
  return sqlState?.startsWith(DATA_EXCEPTION) === true ? `PostgreSQL cannot take a value (${sqlState})` : error.message;
}
