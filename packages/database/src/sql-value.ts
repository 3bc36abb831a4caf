declare const jsonText: unique symbol;

/** JSON text on its way into a `json` or `jsonb` parameter; made by {@link json}. */
export interface JsonValue {
  readonly [jsonText]: string;
}

type SqlScalar = string | number | bigint | boolean | null | Date | Uint8Array | JsonValue;

/** What a statement accepts as a parameter. Arrays are for `= ANY(...)` and `unnest(...)`; `undefined` is a mistake. */
export type SqlValue = SqlScalar | readonly SqlScalar[];

const jsonTexts = new WeakMap<JsonValue, string>();

/** Marks a value as JSON, because a bare array or string would be taken for an SQL array or text. */
export function json(value: unknown): JsonValue {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError('This value has no JSON form');
  const marked = Object.freeze({}) as JsonValue;
  jsonTexts.set(marked, text);
  return marked;
}

type DriverScalar = string | Buffer | null;

/** The text or bytes that the driver sends for a value, whatever the process's time zone is. */
export function toParameter(value: SqlValue): DriverScalar {
  return isArray(value) ? `{${value.map(elementToText).join(',')}}` : scalarToParameter(value);
}

/** @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function elementToText(value: SqlScalar): string {
  const parameter = scalarToParameter(value);
  if (parameter === null) return 'NULL';
  if (typeof parameter !== 'string') return `"\\\\x${parameter.toString('hex')}"`;
  if (typeof value === 'bigint' || typeof value === 'number') return parameter;
  return `"${needsEscape.test(parameter) ? parameter.replaceAll(/["\\]/g, '\\$&') : parameter}"`;
}

const needsEscape = /["\\]/;

function isArray(value: SqlValue): value is readonly SqlScalar[] {
  return Array.isArray(value);
}

function scalarToParameter(value: SqlScalar): DriverScalar {
  if (value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return plainToParameter(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const text = jsonTexts.get(value);
  if (text === undefined) throw new TypeError('An object is no SQL parameter; wrap it with json()');
  return text;
}

function plainToParameter(value: number | bigint | boolean | undefined): string {
  if (value === undefined) throw new TypeError('undefined is no SQL parameter; write null');
  return value.toString();
}
