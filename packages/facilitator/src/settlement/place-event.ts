/** What was done about places in a signer's order, as it is counted. */
export type PlaceEvent = 'fee_raised' | 'cancelled' | 'foreign' | 'gap_filled' | 'fee_above_limit';
