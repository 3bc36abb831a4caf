import { inspect } from 'node:util';

/** A value that prints as `[secret]` wherever it ends up: logs, errors, JSON, the debugger. */
export interface Secret {
  /** The value itself, for the one call that needs it. */
  reveal(): string;
}

export function secret(value: string): Secret {
  return Object.freeze({
    reveal: () => value,
    toString: () => '[secret]',
    toJSON: () => '[secret]',
    [inspect.custom]: () => '[secret]',
  });
}
