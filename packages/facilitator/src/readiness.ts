import { networkFamily, type Chain, type EndpointStatus } from '@tollkeeper/protocol';

/** One thing that must work. `detail` says what to do where it does not, or where only a part of it does. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface Readiness {
  /** Whether payments can be settled on at least one network. */
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

/** A check that takes longer than this has failed. */
const checkTimeoutMs = 3_000;

export interface NamedCheck {
  readonly name: string;
  /** Answers what to do about what it found, or undefined where all is well. */
  readonly run: () => Promise<string | undefined>;
  /** What to do about a part that does not work, where that keeps nobody from being served. */
  readonly remark?: () => string | undefined;
  /** What to do when `run` throws or takes too long. Its error is not shown, because it may name what must stay private. */
  readonly withoutAnswer: string;
}

/** What must work. */
export interface ReadinessParts {
  /** For every payment. */
  readonly shared: readonly NamedCheck[];
  /** For the payments of one network, of each. */
  readonly networks: readonly (readonly NamedCheck[])[];
}

/**
 * Runs all checks side by side. A network that cannot be served takes nothing from readiness while another one can: its outage is
 * that of all processes, and to take them all out of rotation for it would stop the others.
 */
export function createReadiness({ shared, networks }: ReadinessParts): () => Promise<Readiness> {
  return async () => {
    const [ofAll, ofNetworks] = await Promise.all([runAll(shared), Promise.all(networks.map(runAll))]);
    const canServe = ofNetworks.length === 0 || ofNetworks.some(areAllOk);
    return { ready: areAllOk(ofAll) && canServe, checks: [...ofAll, ...ofNetworks.flat()] };
  };
}

function runAll(checks: readonly NamedCheck[]): Promise<readonly Check[]> {
  return Promise.all(checks.map(runCheck));
}

function areAllOk(checks: readonly Check[]): boolean {
  return checks.every(({ ok }) => ok);
}

/** For so long an answer of a node stands for the next ones who ask, so that many who probe us do not probe the node. */
const rememberedMs = 1_000;

/** The checks of one network: a node answers, and at least one signer can pay for more transactions. */
export function chainChecks(parts: {
  readonly chain: Chain;
  readonly endpoints: () => readonly EndpointStatus[];
  /** A signer with less native coin signs nothing, in wei or lamports. */
  readonly signerBalanceMin: bigint;
}): NamedCheck[] {
  const { chain, endpoints, signerBalanceMin } = parts;
  const variable = networkFamily(chain.network) === 'eip155' ? 'EVM_RPC_URL' : 'SVM_RPC_URL';
  const withoutAnswer = `No RPC endpoint answers: start the node, or correct ${variable}`;
  return [
    {
      name: `rpc ${chain.network}`,
      run: remembered(async () => {
        await chain.blockHeight();
        return undefined;
      }),
      remark: () => describeEndpoints(endpoints(), variable),
      withoutAnswer,
    },
    ...fundsChecks(chain, { signerBalanceMin, withoutAnswer }),
  ];
}

/** A signer without funds leaves rotation; while others have some, that keeps nobody from being served. */
function fundsChecks(
  chain: Chain,
  { signerBalanceMin, withoutAnswer }: { readonly signerBalanceMin: bigint; readonly withoutAnswer: string },
): NamedCheck[] {
  const isPoor = new Map<string, boolean>();
  const lookAtAll = remembered(async () => {
    const balances = await Promise.all(chain.signers.map((signer) => chain.nativeBalance(signer)));
    for (const [index, signer] of chain.signers.entries())
      isPoor.set(signer, (balances[index] ?? 0n) < signerBalanceMin);
  });
  return chain.signers.map((signer) => ({
    name: `funds ${chain.network} ${signer}`,
    run: async () => {
      await lookAtAll();
      return chain.signers.every((each) => isPoor.get(each) === true) ? cannotPay : undefined;
    },
    remark: () => (isPoor.get(signer) === true ? cannotPay : undefined),
    withoutAnswer,
  }));
}

const cannotPay = 'The signer cannot pay fees: send it native coin';

/** Endpoints that are left out, by their place in the variable. */
function describeEndpoints(statuses: readonly EndpointStatus[], variable: string): string | undefined {
  const troubles = {
    wrong_network: 'serves another network',
    away: 'does not answer',
    refusing: 'refuses to serve: its quota is spent, or its node is unhealthy',
    lagging: 'lags behind',
  };
  const sentences = statuses.flatMap(({ endpoint, state }) =>
    state === 'serving' || state === 'unchecked' ? [] : [`Endpoint ${endpoint} of ${variable} ${troubles[state]}`],
  );
  return sentences.length === 0 ? undefined : sentences.join('; ');
}

/** Everybody who asks while an answer is on its way or fresh gets that one. */
function remembered<Result>(ask: () => Promise<Result>): () => Promise<Result> {
  let last: { readonly answer: Promise<Result>; untilMs: number } | undefined;
  return () => {
    if (last !== undefined && performance.now() < last.untilMs) return last.answer;
    // Who asks later than a check lasts does not wait for a node that hung then.
    const asked = { answer: ask(), untilMs: performance.now() + checkTimeoutMs };
    const settle = () => (asked.untilMs = performance.now() + rememberedMs);
    asked.answer.then(settle, settle);
    last = asked;
    return asked.answer;
  };
}

async function runCheck({ name, run, remark, withoutAnswer }: NamedCheck): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, checkTimeoutMs, new Error('too late'));
  });
  try {
    const detail = await Promise.race([run(), tooLate]);
    if (detail !== undefined) return { name, ok: false, detail };
    const remarked = remark?.();
    return { name, ok: true, ...(remarked === undefined ? {} : { detail: remarked }) };
  } catch {
    return { name, ok: false, detail: [withoutAnswer, remark?.()].filter((text) => text !== undefined).join('; ') };
  } finally {
    clearTimeout(timer);
  }
}
