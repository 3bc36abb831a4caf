import { InvalidArgumentError } from 'commander';
import { z } from 'zod';

/**
 * Reads the id of something of ours, in the one case that the ledger knows.
 * @param listedBy the command that shows such ids
 */
export function idFrom(listedBy: string): (text: string) => string {
  return (text) => {
    if (z.uuid().safeParse(text).success) return text.toLowerCase();
    throw new InvalidArgumentError(`an id as \`${listedBy}\` shows it`);
  };
}
