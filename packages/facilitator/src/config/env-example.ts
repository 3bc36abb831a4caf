import { configurationVariables } from './variables.js';

const head = [
  '# Every variable that the facilitator reads, with an example. Nothing is set until its # is removed.',
  '# Made by `npm run env-example` from packages/facilitator/src/config/variables.ts; make changes there.',
];

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  const blocks = configurationVariables.map(({ name, description, otherwise, example }) => [
    `# ${description}.`,
    `# Absent: ${otherwise}.`,
    `#${name}=${example}`,
  ]);
  return [head, ...blocks].map((lines) => `${lines.join('\n')}\n`).join('\n');
}
