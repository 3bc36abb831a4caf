import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@tollkeeper/source'] },
  ssr: { resolve: { conditions: ['@tollkeeper/source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Many tests wait for a chain, a lease or a process rather than for a processor.
    maxWorkers: 4,
  },
});
