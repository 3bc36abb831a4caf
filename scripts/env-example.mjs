// Writes .env.example from the table of configuration variables, as it was last built.
import { writeFileSync } from 'node:fs';
import { renderEnvExample } from '../packages/facilitator/dist/config/env-example.js';

writeFileSync(new URL('../.env.example', import.meta.url), renderEnvExample());
