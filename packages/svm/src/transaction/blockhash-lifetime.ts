/** A blockhash is good for this many blocks after its own. */
export const blockhashLifetimeBlocks = 150n;
