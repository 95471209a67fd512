/**
 * Errors that cross between a page and its worker. Structured clone keeps neither the class nor the name of one of ours, so
 * they are sent as plain objects and built again, causes included.
 *
 * An error that began on the page (the reason of a signal, what a callback threw) comes back as the very same object: it is
 * sent with a number, by which the page knows it.
 */
import * as errors from '../errors.js';

/** An error as it is sent. */
export interface SentError {
  name: string;
  message: string;
  stack?: string;
  cause?: SentError;
  /** Whether it is a DOMException, such as an AbortError. */
  isDom?: boolean;
  /** Of an error of the page: its number there. */
  origin?: number;
}

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  ...errors,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
};

const originOf = new WeakMap<Error, number>();

/** More causes than any error has; a chain that is a circle ends here. */
const MOST_CAUSES = 10;

/** @param error What was thrown, which need not be an Error. */
export function sentError(error: unknown, origin?: number, depth = 0): SentError {
  if (!(error instanceof Error)) return {name: 'Error', message: String(error), origin};
  const {name, message, stack, cause} = error;
  return {
    ...{name, message, stack, origin: origin ?? originOf.get(error)},
    ...(typeof DOMException !== 'undefined' && error instanceof DOMException && {isDom: true}),
    ...(cause !== undefined && depth < MOST_CAUSES && {cause: sentError(cause, undefined, depth + 1)}),
  };
}

/** The error that was sent, of the class that it had; an Error of its name where the class is not known here. */
export function receivedError(sent: SentError): Error {
  const {name, message, stack, cause, isDom, origin} = sent;
  const options = cause && {cause: receivedError(cause)};
  const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  const error: Error = isDom ? new DOMException(message, name) : new (known ?? Error)(message, options);
  if (!isDom && error.name !== name) error.name = name;
  if (stack !== undefined)
    Object.defineProperty(error, 'stack', {value: stack, configurable: true, writable: true});
  if (origin !== undefined) originOf.set(error, origin);
  return error;
}
