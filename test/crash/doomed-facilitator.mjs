// A facilitator that kills itself at the checkpoint that its first argument names, when it comes there for the time that the
// second one counts (the first by default). The third one says how often, in milliseconds, it looks after what is left and after
// what is not final. Tests start it as a process of its own.
import { composeService, createLogger, describeProblems, readConfig } from '@tollkeeper/facilitator';

const [doom, time = '1', tendMs] = process.argv.slice(2);
const passed = { [doom]: 0, answering: 0 };
const result = readConfig(process.env);
if (!result.ok) throw new Error(describeProblems(result.problems));

const service = await composeService(result.config, createLogger({ level: 'silent' }), {
  ...(tendMs === undefined ? {} : { tendMs: Number(tendMs), finalityPollMs: Number(tendMs) }),
  checkpoint(checkpoint) {
    // The kernel ends the process before this call returns: no handler runs, no buffer is flushed, no socket is closed in order.
    // PostgreSQL tells whoever waits for a payment before it tells who posted it, and a node may show a transaction before it
    // answers who sent it, so that the answer may be on its way first.
    const isLate = ['broadcast', 'posted'].includes(doom) && checkpoint === 'answering';
    if (checkpoint !== doom && !isLate) return;
    passed[checkpoint] += 1;
    if (passed[checkpoint] === Number(time)) process.kill(process.pid, 'SIGKILL');
  },
});
const address = await service.app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`Facilitator listening on ${address}\n`);
