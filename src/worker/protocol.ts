/**
 * What a page and its worker say to each other. All messages have the field `swint`, so that the worker of an application
 * can have messages of its own beside them.
 *
 *     page -> worker    hello                      answered by ready, whichever of the two began to listen later
 *                       call id method args        answered by result or failure with the same id
 *                       abort id error             ends that call
 *                       answer, refusal            to an ask
 *     worker -> page    ready, result, failure
 *                       ask id call callback args  calls a function of the page that was among a call's arguments
 *
 * A function among the arguments is sent as a mark, `{swintCallback: number}`.
 */
import type {SentError} from './sent_error.js';

export type ToWorker =
  | {swint: 'hello'}
  | {swint: 'call'; id: number; method: string; args: unknown[]}
  | {swint: 'abort'; id: number; error: SentError}
  | {swint: 'answer'; id: number; value: unknown}
  | {swint: 'refusal'; id: number; error: SentError};

export type FromWorker =
  | {swint: 'ready'}
  | {swint: 'result'; id: number; value: unknown}
  | {swint: 'failure'; id: number; error: SentError}
  | {swint: 'ask'; id: number; call: number; callback: number; args: unknown[]};

/** A function of the page, by its number within the call. */
export interface CallbackMark {
  swintCallback: number;
}

/** Whether an object is `{...}`, whose entries are gone through; all else is sent as it is. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * A copy of lists and plain objects in which `replace` stands in for all else that is in them.
 *
 * @param replace Given the name in the object or the list as well.
 */
export function mapLeaves(
  value: unknown,
  replace: (leaf: unknown, name: string) => unknown,
  name = '',
): unknown {
  if (Array.isArray(value)) return value.map((one, i) => mapLeaves(one, replace, String(i)));
  if (!isPlainObject(value)) return replace(value, name);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapLeaves(one, replace, key)]));
}

/** The buffers of all typed arrays in a value, and the buffers that are in it themselves. None is shared memory. */
export function buffersIn(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  mapLeaves(value, (leaf) => {
    const buffer = ArrayBuffer.isView(leaf) ? leaf.buffer : leaf;
    if (buffer instanceof ArrayBuffer) found.add(buffer);
  });
  return [...found];
}
