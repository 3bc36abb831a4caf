import type { Curve } from './curve.js';
import { loadNativeCurve } from './native-curve.js';
import { portableCurve } from './portable-curve.js';

/** The native curve, or the portable one with a warning, so that nobody runs slowly without knowing it. */
export function chooseCurve(parts: { onWarning: (message: string) => void; loadNative?: () => Curve }): Curve {
  try {
    return (parts.loadNative ?? loadNativeCurve)();
  } catch {
    parts.onWarning('The native secp256k1 bindings could not be loaded; signatures are checked in JavaScript, slowly');
    return portableCurve;
  }
}
