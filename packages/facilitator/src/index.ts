export { composeService } from './compose.js';
export { composeTenants, composeWallets } from './compose-commands.js';
export type { Overrides } from './compose-engine.js';
export { type Config, type ConfigProblem, type ConfigResult, describeProblems, readConfig } from './config/config.js';
export { configurationVariables } from './config/variables.js';
export { wellKnownAddresses } from './config/well-known-keys.js';
export { createLogger, type Logger } from './logging/logger.js';
export type { Checkpoint, CheckpointHook } from './settlement/checkpoint.js';
