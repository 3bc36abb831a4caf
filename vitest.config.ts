import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@tollkeeper/source'] },
  ssr: { resolve: { conditions: ['@tollkeeper/source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // A machine that others use may be ten times slower for minutes. What must be quick says so in its test.
    testTimeout: 240_000,
    hookTimeout: 300_000,
    // Many tests wait for a chain, a lease or a process rather than for a processor.
    maxWorkers: 4,
  },
});
