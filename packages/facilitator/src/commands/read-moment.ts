import { InvalidArgumentError } from 'commander';
import { MomentIn } from '../routes/v1/moment-in.js';

/** A moment of the command line, the same as over HTTP. */
export function readMoment(text: string): Date {
  if (MomentIn.safeParse(text).success) return new Date(text);
  throw new InvalidArgumentError('a time in UTC such as 2027-01-01T00:00:00Z');
}
