import type { Reason, Rejection } from '@tollkeeper/protocol';

/** One rule. Undefined when the subject keeps it. */
export type Check<Subject> = (subject: Subject) => Rejection | undefined;

/** The answer of the first rule that is broken; the order is what callers see. */
export function firstRejection<Subject>(checks: readonly Check<Subject>[], subject: Subject): Rejection | undefined {
  for (const check of checks) {
    const rejection = check(subject);
    if (rejection !== undefined) return rejection;
  }
  return undefined;
}

/** A refusal if `isBroken`; `detail` is a sentence for people. */
export function refuseIf(isBroken: boolean, reason: Reason, detail: string): Rejection | undefined {
  return isBroken ? { reason, detail } : undefined;
}
