import { Moment } from '../../http/v1/fields.js';

/** A moment that a caller names: the database knows no year 0, and nothing of ours was before 1000. */
export const MomentIn = Moment.refine((text) => /^[1-9]/.test(text), 'must lie between the years 1000 and 9999');
