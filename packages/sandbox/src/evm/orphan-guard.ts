import { spawn } from 'node:child_process';

/**
 * The guard's whole program. Its standard input is a pipe from us, which the kernel closes however we die. It then asks
 * the child to stop, and insists after three seconds. A line on the pipe means that the child ended in order.
 */
const program = `
const pid = Number(process.argv[1]);
const signal = (name) => { try { process.kill(pid, name); return true; } catch { return false; } };
process.stdin.on('data', () => process.exit());
process.stdin.on('end', () => {
  if (!signal('SIGTERM')) process.exit();
  setTimeout(() => { signal('SIGKILL'); process.exit(); }, 3000);
  setInterval(() => { if (!signal(0)) process.exit(); }, 50);
});
`;

/** Watches that a child process does not outlive this one, not even when this one is killed with SIGKILL. */
export function guardAgainstOrphan(pid: number): { release: () => void } {
  const guard = spawn(process.execPath, ['-e', program, String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  return {
    release: () => {
      guard.stdin.end('done\n');
    },
  };
}
