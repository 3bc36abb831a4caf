import pg from 'pg';

const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMERIC = 1700;
const NUMERIC_ARRAY = 1231;
const TEXT_ARRAY = 1009;

const parserOf = pg.types.getTypeParser as (oid: number, format: 'text') => (text: string) => (string | null)[];
const readTexts = parserOf(TEXT_ARRAY, 'text');

function integerOrText(text: string): bigint | string {
  return /^-?\d+$/.test(text) ? BigInt(text) : text;
}

function integersOrTexts(text: string): unknown[] {
  return readTexts(text).map((entry) => (entry === null ? null : integerOrText(entry)));
}

/** The driver would read `numeric[]` through floating point and int8 as text; money needs neither. */
const readers = new Map<number, (text: string) => unknown>([
  [INT8, integerOrText],
  [NUMERIC, integerOrText],
  [INT8_ARRAY, integersOrTexts],
  [NUMERIC_ARRAY, integersOrTexts],
]);

/** How columns are read: int8 and integral numeric as bigint, everything else as the driver does by default. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    const reader = format === 'binary' ? undefined : readers.get(oid);
    return reader ?? (pg.types.getTypeParser(oid, format) as (text: string) => unknown);
  },
};
