/** How many slots each commitment is behind the newest one, as on a real cluster. */
export const commitmentLag = { processed: 0, confirmed: 1, finalized: 31 } as const;

export type Commitment = keyof typeof commitmentLag;
