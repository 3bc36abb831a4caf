import { parentPort } from 'node:worker_threads';
import { loadNativeCurve } from './native-curve.js';
import { packSigners, unpackSignatures } from './recovery-messages.js';

// What runs in the thread that `startRecoveryThread` starts: each message is answered by one with the signers.
if (parentPort === null) throw new Error('This program runs in a thread of the facilitator');
const port = parentPort;
const curve = loadNativeCurve();

port.on('message', (packed: Uint8Array) => {
  port.postMessage(
    packSigners(unpackSignatures(packed).map(({ digest, signature }) => curve.recover(digest, signature))),
  );
});
port.postMessage('ready');
