import type { RpcProxy } from '@tollkeeper/sandbox';
import type { FacilitatorProcess } from '../crash/facilitator-process.js';
import type { FleetScene } from '../fleet/fleet-scene.js';
import type { Family } from '../support/wire.js';
import type { NodeUnderTest } from './node-under-test.js';

/** A place for a process, which may die and be started again; each has nodes of its own. */
export interface Seat {
  readonly name: string;
  readonly proxies: Readonly<Record<Family, RpcProxy>>;
  /** Undefined while a new process starts. */
  process: FacilitatorProcess | undefined;
}

export type SoakProcesses = Awaited<ReturnType<typeof startSoakProcesses>>;

/** A process that is killed so soon after it told a success may not have noted that. */
const notingMs = 5_000;

/** Starts so many facilitators, and keeps as many alive, whatever becomes of them. */
export async function startSoakProcesses(
  scene: FleetScene,
  {
    count,
    nodes,
    logFile,
  }: {
    readonly count: number;
    readonly nodes: readonly NodeUnderTest[];
    readonly logFile: (seat: string) => string;
  },
) {
  const seats = await Promise.all(Array.from({ length: count }, (_, index) => takeSeat(`facilitator-${index + 1}`)));
  const killedAtMs = new Map<string, number>();
  const starting = new Set<Promise<void>>();

  async function takeSeat(name: string): Promise<Seat> {
    const started = await Promise.all(nodes.map(startNode));
    const proxies = Object.fromEntries(started) as Record<Family, RpcProxy>;
    return { name, proxies, process: await start({ name, proxies }) };
  }

  async function startNode({ family, url, habits }: NodeUnderTest): Promise<readonly [Family, RpcProxy]> {
    const proxy = await scene.startProxy(url);
    for (const habit of habits) proxy.use(habit);
    return [family, proxy];
  }

  function start({ name, proxies }: Pick<Seat, 'name' | 'proxies'>): Promise<FacilitatorProcess> {
    const urls = nodes.map(({ urlVariable, family }) => [urlVariable, proxies[family].url] as const);
    const changes = {
      ...Object.fromEntries(urls),
      // A payer is not to blame when its blockhash runs out while everything stands still.
      PAYER_FAILURES_MAX: '1000000',
      REPLACE_AFTER_MS: '1500',
      RPC_TIMEOUT_MS: '1000',
      SETTLE_WAIT_MS: '5000',
    };
    return scene.startProcess(changes, logFile(name));
  }

  return {
    seats,
    /** The processes that can be asked now. */
    urls: () => seats.flatMap(({ process }) => process?.url ?? []),
    /** Whether the process that told a success was killed before it can be held to have noted that. */
    mayHaveForgotten({ url, atMs }: { readonly url: string; readonly atMs: number }): boolean {
      return (killedAtMs.get(url) ?? Infinity) < atMs + notingMs;
    },
    /** Kills a process and starts another one in its place. */
    replace(seat: Seat): void {
      const { process } = seat;
      if (process === undefined) return;
      killedAtMs.set(process.url, Date.now());
      seat.process = undefined;
      process.kill('SIGKILL');
      // A node or a database that is away keeps a new process from starting; it is started again when that fails.
      const coming = (async () => {
        while (seat.process === undefined) seat.process = await start(seat).catch(() => undefined);
      })();
      starting.add(coming);
      void coming.then(() => starting.delete(coming));
    },
    async settled(): Promise<void> {
      await Promise.all(starting);
    },
  };
}
