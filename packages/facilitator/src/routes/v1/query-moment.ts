import { Moment } from '../../http/v1/fields.js';

/** A moment to look for: the database knows no year 0, and nothing was posted before 1000. */
export const QueryMoment = Moment.refine((text) => /^[1-9]/.test(text), 'must lie between the years 1000 and 9999');
