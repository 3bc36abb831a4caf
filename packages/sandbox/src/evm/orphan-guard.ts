import { spawn } from 'node:child_process';

/**
 * The guard's whole program. Its standard input is a pipe from us, which the kernel closes however we die. It then asks
 * the child to stop, insists after three seconds, and removes its folder. A line on the pipe means that the child ended in order.
 */
const program = `
const pid = Number(process.argv[1]);
const folder = process.argv[2];
const leave = () => { require('node:fs').rmSync(folder, { recursive: true, force: true }); process.exit(); };
const signal = (name) => { try { process.kill(pid, name); return true; } catch { return false; } };
process.stdin.on('data', () => process.exit());
process.stdin.on('end', () => {
  if (!signal('SIGTERM')) leave();
  setTimeout(() => { signal('SIGKILL'); setTimeout(leave, 500); }, 3000);
  setInterval(() => { if (!signal(0)) leave(); }, 50);
});
`;

/** Watches that a child process and its folder do not outlive this one, not even when this one is killed with SIGKILL. */
export function guardAgainstOrphan(pid: number, folder: string): { release: () => void } {
  const guard = spawn(process.execPath, ['-e', program, String(pid), folder], {
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
