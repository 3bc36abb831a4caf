import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileContracts } from '../../contracts/compile.mjs';

test('the checked-in artifacts are what the contracts compile to', { timeout: 300_000 }, () => {
  const checkedIn = readFileSync(new URL('./contract-artifacts.ts', import.meta.url), 'utf8');
  // Compared as a fact: a diff of two hundred kilobytes helps nobody.
  expect(compileContracts() === checkedIn, 'run `npm run contracts`').toBe(true);
});
