import { performance } from 'node:perf_hooks';

/** Prints what is being done and how long it took, one line a step. */
export interface Progress {
  step<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
}

export function createProgress(write: (text: string) => void): Progress {
  return {
    async step(what, work) {
      const started = performance.now();
      try {
        const result = await work();
        write(`  ok    ${what.padEnd(58)} ${seconds(started)}\n`);
        return result;
      } catch (error) {
        write(`  FAIL  ${what.padEnd(58)} ${seconds(started)}\n`);
        throw error;
      }
    },
  };
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
