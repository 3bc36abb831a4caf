import type { Chain } from '@tollkeeper/protocol';

/** One thing that must work. `detail` says what to do where it does not. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

/** A check that takes longer than this has failed. */
const checkTimeoutMs = 3_000;

/** A named check; it fails by throwing, and its error is not shown, because it may name what must stay private. */
export interface NamedCheck {
  readonly name: string;
  readonly run: () => Promise<void>;
  readonly detail: string;
}

/** Runs all checks side by side. */
export function createReadiness(checks: readonly NamedCheck[]): () => Promise<Readiness> {
  return async () => {
    const results = await Promise.all(checks.map(runCheck));
    return { ready: results.every((check) => check.ok), checks: results };
  };
}

/** The checks of one network: its node answers, and every signer can pay for at least one more transaction. */
export function chainChecks(chain: Chain): NamedCheck[] {
  return [
    {
      name: `rpc ${chain.network}`,
      run: async () => {
        await chain.blockHeight();
      },
      detail: 'The RPC endpoint does not answer',
    },
    ...chain.signers.map((signer) => ({
      name: `funds ${chain.network} ${signer}`,
      run: async () => {
        if ((await chain.nativeBalance(signer)) === 0n) throw new Error('The signer holds no native coin');
      },
      detail: 'The signer cannot pay fees: send it native coin',
    })),
  ];
}

async function runCheck({ name, run, detail }: NamedCheck): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, checkTimeoutMs, new Error('too late'));
  });
  try {
    await Promise.race([run(), tooLate]);
    return { name, ok: true };
  } catch {
    return { name, ok: false, detail };
  } finally {
    clearTimeout(timer);
  }
}
