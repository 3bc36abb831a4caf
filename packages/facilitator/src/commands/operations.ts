import type { Command } from 'commander';
import type { Config } from '../config/config.js';
import { addControlCommands } from './controls.js';
import { addEncryptionCommands } from './encryption.js';
import { addPaymentCommands } from './payments.js';
import { addReconcileCommand } from './reconcile.js';

/** What an operator does to the whole facilitator, as opposed to one merchant. */
export function addOperationCommands(program: Command, config: () => Config): void {
  addPaymentCommands(program, config);
  addReconcileCommand(program, config);
  addControlCommands(program, config);
  addEncryptionCommands(program, config);
}
