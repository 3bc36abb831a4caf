/** The programs that a payment may call, by address. Anything else in a transaction is refused. */
export const computeBudgetProgram = 'ComputeBudget111111111111111111111111111111';
export const tokenProgram = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';
export const token2022Program = 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb';
export const memoProgram = 'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr';
/** Assertions that Phantom and other wallets append to protect their user. */
export const lighthouseProgram = 'L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95';

/** The two programs that keep tokens. */
export type TokenProgram = typeof tokenProgram | typeof token2022Program;

export const tokenPrograms: readonly TokenProgram[] = [tokenProgram, token2022Program];

export function isTokenProgram(address: string): address is TokenProgram {
  return address === tokenProgram || address === token2022Program;
}
