import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@tollkeeper/source'] },
  ssr: { resolve: { conditions: ['@tollkeeper/source', 'node', 'import', 'default'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
