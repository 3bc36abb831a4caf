import type { SlotClock } from './slot-clock.js';

/** Moves a slot clock on with the wall clock. */
export interface SlotTimer {
  readonly resume: () => void;
  readonly pause: () => void;
  /** Skips slots now, whether time is paused or not. */
  readonly advance: (slots: number) => void;
  /** Seconds since 1970 at which a slot began, estimated from the newest one. */
  readonly timeOf: (slot: number) => number;
}

export interface SlotTimerParts {
  /** Milliseconds of a slot. */
  readonly slotMs: number;
  readonly clock: SlotClock;
  /** Called after the newest slot changed. */
  readonly onSlot: () => void;
}

/** Makes a paused timer. A process that was stalled catches up, as a node does. */
export function createSlotTimer({ slotMs, clock, onSlot }: SlotTimerParts): SlotTimer {
  let timer: NodeJS.Timeout | undefined;
  let lastSlotAt = Date.now();
  const advance = (slots: number): void => {
    clock.advance(slots);
    onSlot();
  };
  const tick = (): void => {
    const passed = Math.floor((Date.now() - lastSlotAt) / slotMs);
    if (passed < 1) return;
    lastSlotAt += passed * slotMs;
    advance(passed);
  };
  return {
    advance,
    resume() {
      if (timer !== undefined) return;
      lastSlotAt = Date.now();
      timer = setInterval(tick, slotMs);
    },
    pause() {
      clearInterval(timer);
      timer = undefined;
    },
    timeOf: (slot) => Math.floor((lastSlotAt - (clock.slot() - slot) * slotMs) / 1000),
  };
}
