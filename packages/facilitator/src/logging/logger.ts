import { Fault } from '@tollkeeper/protocol';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Where a secret could stand in what we log. Errors are logged by the serializer below, which knows no other fields. */
const redacted = [
  'req.headers.authorization',
  'req.headers["x-api-key"]',
  'req.headers["payment-signature"]',
  'req.headers["x-payment"]',
  '*.privateKey',
  '*.secret',
  '*.signature',
  '*.raw',
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

/** What an error says without what it may carry: drivers attach connection strings, queries and parameters to theirs. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    type: error.name,
    ...(error instanceof Fault ? { code: error.code, facts: error.facts } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
