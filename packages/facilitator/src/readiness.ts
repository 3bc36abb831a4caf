import { networkFamily, type Chain } from '@tollkeeper/protocol';

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

export interface NamedCheck {
  readonly name: string;
  /** Answers what to do about what it found, or undefined where all is well. */
  readonly run: () => Promise<string | undefined>;
  /** What to do when `run` throws or takes too long. Its error is not shown, because it may name what must stay private. */
  readonly withoutAnswer: string;
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
  const variable = networkFamily(chain.network) === 'eip155' ? 'EVM_RPC_URL' : 'SVM_RPC_URL';
  const withoutAnswer = `The RPC endpoint does not answer: start the node, or correct ${variable}`;
  return [
    {
      name: `rpc ${chain.network}`,
      run: async () => {
        await chain.blockHeight();
        return undefined;
      },
      withoutAnswer,
    },
    ...chain.signers.map((signer) => ({
      name: `funds ${chain.network} ${signer}`,
      run: async () =>
        (await chain.nativeBalance(signer)) === 0n ? 'The signer cannot pay fees: send it native coin' : undefined,
      withoutAnswer,
    })),
  ];
}

async function runCheck({ name, run, withoutAnswer }: NamedCheck): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, checkTimeoutMs, new Error('too late'));
  });
  try {
    const detail = await Promise.race([run(), tooLate]);
    return detail === undefined ? { name, ok: true } : { name, ok: false, detail };
  } catch {
    return { name, ok: false, detail: withoutAnswer };
  } finally {
    clearTimeout(timer);
  }
}
