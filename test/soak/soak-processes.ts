import type { RpcProxy } from '@tollkeeper/sandbox';
import type { FacilitatorProcess } from '../crash/facilitator-process.js';
import type { FleetScene } from '../fleet/fleet-scene.js';

/** A place for a process, which may die and be started again; each has an endpoint of its own. */
export interface Seat {
  readonly proxy: RpcProxy;
  /** Undefined while a new process starts. */
  process: FacilitatorProcess | undefined;
}

export type SoakProcesses = Awaited<ReturnType<typeof startSoakProcesses>>;

/** Starts so many facilitators, and keeps as many alive, whatever becomes of them. */
export async function startSoakProcesses(scene: FleetScene, count: number) {
  const seats = await Promise.all(Array.from({ length: count }, takeSeat));
  const killed = new Set<string>();
  const starting = new Set<Promise<void>>();

  async function takeSeat(): Promise<Seat> {
    const proxy = await scene.startProxy();
    return { proxy, process: await start(proxy) };
  }

  function start(proxy: RpcProxy): Promise<FacilitatorProcess> {
    return scene.startProcess({
      EVM_RPC_URL: proxy.url,
      REPLACE_AFTER_MS: '1500',
      RPC_TIMEOUT_MS: '1000',
      SETTLE_WAIT_MS: '5000',
    });
  }

  return {
    seats,
    /** The processes that can be asked now. */
    urls: () => seats.flatMap(({ process }) => process?.url ?? []),
    /** Whether the process that listened there was killed: what it told and could not note may be told again. */
    wasKilled: (url: string) => killed.has(url),
    /** Kills a process and starts another one in its place. */
    replace(seat: Seat): void {
      const { process } = seat;
      if (process === undefined) return;
      killed.add(process.url);
      seat.process = undefined;
      process.kill('SIGKILL');
      // A node that is away keeps a new process from starting; it is started again when that fails.
      const coming = (async () => {
        while (seat.process === undefined) seat.process = await start(seat.proxy).catch(() => undefined);
      })();
      starting.add(coming);
      void coming.then(() => starting.delete(coming));
    },
    async settled(): Promise<void> {
      await Promise.all(starting);
    },
  };
}
