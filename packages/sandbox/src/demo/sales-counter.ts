import type { RequestHandler } from 'express';

/** What a demo merchant has done since it started, by path or in all. */
export interface SalesCounter {
  /** How often the handler ran. */
  handlerRuns(path?: string): number;
  /** How many answers went out with status 200 and a settlement receipt. */
  paidResponses(path?: string): number;
}

/** Counts handler runs and paid answers; `receiptHeader` is how a paid answer is known. */
export function createSalesCounter(receiptHeader: string): {
  readonly totals: SalesCounter;
  readonly countHandler: (path: string) => void;
  readonly countPaid: RequestHandler;
} {
  const runs = new Map<string, number>();
  const paid = new Map<string, number>();
  return {
    totals: { handlerRuns: (path) => total(runs, path), paidResponses: (path) => total(paid, path) },
    countHandler: (path) => increment(runs, path),
    countPaid: (request, response, next) => {
      const { path } = request;
      response.once('finish', () => {
        if (response.statusCode === 200 && response.hasHeader(receiptHeader)) increment(paid, path);
      });
      next();
    },
  };
}

function increment(counts: Map<string, number>, path: string): void {
  counts.set(path, (counts.get(path) ?? 0) + 1);
}

function total(counts: ReadonlyMap<string, number>, path: string | undefined): number {
  if (path !== undefined) return counts.get(path) ?? 0;
  return [...counts.values()].reduce((sum, one) => sum + one, 0);
}
