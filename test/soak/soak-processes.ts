import type { RpcProxy } from '@tollkeeper/sandbox';
import type { FacilitatorProcess } from '../crash/facilitator-process.js';
import type { FleetScene } from '../fleet/fleet-scene.js';

/** A place for a process, which may die and be started again; each has an endpoint of its own. */
export interface Seat {
  readonly name: string;
  readonly proxy: RpcProxy;
  /** Undefined while a new process starts. */
  process: FacilitatorProcess | undefined;
}

export type SoakProcesses = Awaited<ReturnType<typeof startSoakProcesses>>;

/** A process that is killed so soon after it told a success may not have noted that. */
const notingMs = 5_000;

/** Starts so many facilitators, and keeps as many alive, whatever becomes of them. */
export async function startSoakProcesses(
  scene: FleetScene,
  { count, logFile }: { readonly count: number; readonly logFile: (seat: string) => string },
) {
  const seats = await Promise.all(Array.from({ length: count }, (_, index) => takeSeat(`facilitator-${index + 1}`)));
  const killedAtMs = new Map<string, number>();
  const starting = new Set<Promise<void>>();

  async function takeSeat(name: string): Promise<Seat> {
    const proxy = await scene.startProxy();
    return { name, proxy, process: await start({ name, proxy }) };
  }

  function start({ name, proxy }: Pick<Seat, 'name' | 'proxy'>): Promise<FacilitatorProcess> {
    const changes = {
      EVM_RPC_URL: proxy.url,
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
