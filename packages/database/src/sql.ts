import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { columnTypes } from './column-reader.js';
import { type SqlValue, toParameter } from './sql-value.js';

/**
 * Runs one parameterised statement and answers its rows: every `${value}` becomes `$1`, `$2`, ... and never text.
 *
 * int8 and integral numeric columns arrive as bigint (other numerics as text), bytea as Buffer, timestamptz as Date,
 * jsonb parsed. Throws `DATABASE_UNAVAILABLE` when the server did not answer; a violated constraint is the driver's error.
 */
export interface Sql {
  <Row extends object>(strings: TemplateStringsArray, ...values: SqlValue[]): Promise<Row[]>;
}

/** A statement as the driver takes it. A connection that has parsed its name before only plans and runs it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** Turns a way to run statements into the tagged template. */
export function createSql(run: (statement: Statement) => Promise<unknown[]>): Sql {
  return async <Row extends object>(strings: TemplateStringsArray, ...values: SqlValue[]) =>
    (await run({ ...preparedOf(strings), values: values.map(toParameter) })) as Row[];
}

/** Runs a statement on one connection. */
export async function runStatement(client: ClientBase, statement: Statement): Promise<unknown[]> {
  const result = await client.query<Record<string, unknown>>({ ...statement, types: columnTypes });
  return result.rows;
}

type Prepared = Pick<Statement, 'name' | 'text'>;

const prepared = new WeakMap<TemplateStringsArray, Prepared>();

function preparedOf(strings: TemplateStringsArray): Prepared {
  const known = prepared.get(strings);
  if (known !== undefined) return known;
  const text = strings.reduce((head, tail, index) => `${head}$${index}${tail}`);
  // The text names itself, so that one name never stands for two texts, whoever shares the connection.
  const name = createHash('sha256').update(text).digest('base64url');
  prepared.set(strings, { name, text });
  return { name, text };
}
