import type { FaultCode } from '@tollkeeper/protocol';
import type { z } from 'zod';
import type { Permission } from '../tenancy/permissions.js';

/** A route as the documentation tells of it, wherever it is served from. */
export interface DescribedRoute {
  readonly method: string;
  /** As Fastify writes it. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string | undefined;
  /** Absent where no key is needed. */
  readonly permission?: Permission;
  /** Needs, or where no key is needed takes, an `Idempotency-Key`. */
  readonly idempotent: 'required' | 'optional' | 'no';
  readonly schemas: {
    readonly params?: z.ZodType | undefined;
    readonly query?: z.ZodType | undefined;
    readonly body?: z.ZodType | undefined;
    readonly response: z.ZodType;
  };
  readonly status: number;
  readonly contentType: string;
  readonly alsoAnswers: readonly string[];
  /** Errors of the x402 routes have the protocol's own body around the problem. */
  readonly errorContentType: string;
  readonly errors: readonly FaultCode[];
  readonly example: {
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly response: unknown;
  };
}
