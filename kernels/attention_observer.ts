/**
 * Who is told of every windowAttention that is computed, with its inputs and attributes: attention as data is read here.
 *
 * While there is an observer, a block is composed of its operations (kernels/operations/swin_block), for a kernel of the
 * whole block never shows its queries and keys.
 */
import type {WindowAttentionAttrs, WindowAttentionInputs} from './contracts/window_attention.js';

type AttentionObserver = (inputs: WindowAttentionInputs, attrs: WindowAttentionAttrs) => void;

let current: AttentionObserver | undefined;

/** The observer, where there is one. */
export function attentionObserver(): AttentionObserver | undefined {
  return current;
}

/**
 * Runs `run`, which computes at once, with `observer` told of each windowAttention in it.
 *
 * @returns what `run` returns.
 */
export function observeAttention<T>(observer: AttentionObserver, run: () => T): T {
  const before = current;
  current = observer;
  try {
    return run();
  } finally {
    current = before;
  }
}
