import { z } from 'zod';
import type { Cursors } from './cursors.js';

const largestPage = 100;
const usualPage = 50;

/** The query of a list; add filters with `.extend()`. */
export const PageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,2}$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .refine((limit) => limit <= largestPage, 'must be a whole number from 1 to 100')
    .optional()
    .meta({ description: `How many items, 1 to ${largestPage}; ${usualPage} unless stated`, example: '20' }),
  cursor: z.string().max(1_000).optional().meta({ description: 'Where to go on: `nextCursor` of the page before' }),
});

/** The answer of a list. `nextCursor` is null on the last page. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** How many rows to ask for: one more than the page holds says whether there is a next one. */
export function rowsToFetch(query: { readonly limit?: number | undefined }): number {
  return (query.limit ?? usualPage) + 1;
}

/** Cuts the rows that {@link rowsToFetch} asked for into a page. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  parts: {
    readonly query: { readonly limit?: number | undefined };
    readonly cursors: Cursors;
    readonly position: (row: Row) => readonly (string | number)[];
    readonly item: (row: Row) => Item;
  },
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, parts.query.limit ?? usualPage);
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  return {
    items: shown.map(parts.item),
    nextCursor: last === undefined ? null : parts.cursors.write(parts.position(last)),
  };
}
