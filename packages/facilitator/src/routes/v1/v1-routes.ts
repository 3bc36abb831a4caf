import type { Clock } from '@tollkeeper/protocol';
import type { Environment } from '../../config/config.js';
import type { V1Route } from '../../http/v1/route.js';
import { apiKeyRoutes } from './api-keys.js';
import { auditRoutes } from './audit.js';

/** What the routes are made of. */
export interface V1RouteParts {
  readonly clock: Clock;
  readonly environment: Environment;
}

/** Every route under `/v1`. What is listed here is served, described and tried with foreign ids by the tests. */
export function createV1Routes(parts: V1RouteParts): readonly V1Route[] {
  return [...apiKeyRoutes(parts), ...auditRoutes()];
}
