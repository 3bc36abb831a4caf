export { isCheckViolation, isUniqueViolation, sqlStateOf } from './database-error.js';
export { appRole, type Database, type DatabaseParts, openDatabase } from './database.js';
export { findRunningPostgres, type RunningPostgres } from './embedded/find-running-postgres.js';
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresParts,
  startEmbeddedPostgres,
} from './embedded/start-embedded-postgres.js';
export { migrate, type MigrateParts, type MigrateResult } from './migrate.js';
export { bigintFromDecimal, decimalFromBigint } from './numeric.js';
export { pendingMigrations } from './pending-migrations.js';
export { json, type JsonValue, type SqlValue } from './sql-value.js';
export type { Sql } from './sql.js';
export type { WarningSink } from './warning-sink.js';
