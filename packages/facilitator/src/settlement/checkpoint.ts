/** The places where a crash would tell most about the engine. Tests kill the process here; otherwise nothing happens. */
export type Checkpoint = 'claimed' | 'signed' | 'stored' | 'broadcast' | 'observed' | 'posted' | 'answering';

export type CheckpointHook = (checkpoint: Checkpoint) => void;
