import { z } from 'zod';

/** A name that people give: no control characters, because it ends up in terminals, logs and files. */
export const Name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must not hold control characters')
  .regex(/^\S(.*\S)?$/u, 'must not start or end with a space');

/** The id of anything of ours. */
export const Id = z.uuid();

/** A moment, in UTC. */
export const Moment = z.iso.datetime();

/** An amount as it leaves the service: minor units in decimal. */
export const AmountOut = z.string().regex(/^(0|[1-9][0-9]{0,77})$/);
