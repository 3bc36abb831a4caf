import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { renderEnvExample } from './env-example.js';
import { configurationVariables } from './variables.js';

const file = new URL('../../../../.env.example', import.meta.url);

test('.env.example shows every variable as the table has it; run `npm run env-example` after a change', async () => {
  expect(await readFile(file, 'utf8')).toBe(renderEnvExample());
});

test('each variable is there once, with its description and default, and sets nothing', () => {
  const text = renderEnvExample();
  for (const { name, description, otherwise, example } of configurationVariables) {
    expect(text.split(`# ${description}.\n# Absent: ${otherwise}.\n#${name}=${example}\n`)).toHaveLength(2);
  }
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
});
