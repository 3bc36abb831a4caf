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

/** A statement as the driver takes it. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** Turns a way to run statements into the tagged template. */
export function createSql(run: (statement: Statement) => Promise<unknown[]>): Sql {
  return async <Row extends object>(strings: TemplateStringsArray, ...values: SqlValue[]) =>
    (await run({ text: textOf(strings), values: values.map(toParameter) })) as Row[];
}

/** Runs a statement on one connection. */
export async function runStatement(client: ClientBase, statement: Statement): Promise<unknown[]> {
  const result = await client.query<Record<string, unknown>>({ ...statement, types: columnTypes });
  return result.rows;
}

const texts = new WeakMap<TemplateStringsArray, string>();

function textOf(strings: TemplateStringsArray): string {
  const known = texts.get(strings);
  if (known !== undefined) return known;
  const text = strings.reduce((head, tail, index) => `${head}$${index}${tail}`);
  texts.set(strings, text);
  return text;
}
