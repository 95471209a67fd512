/**
 * Loads npm packages that an application may or may not have installed.
 *
 * The specifier is a variable and the comments are there for bundlers: neither webpack, Vite, Rollup nor esbuild then
 * looks for the package at build time, so an application that lacks it still builds.
 */

import {BackendError} from '../errors.js';

const missing = new WeakSet<Error>();

/** A BackendError for what is not there at all, rather than there and broken. */
export function missingBackend(message: string): BackendError {
  const error = new BackendError(message);
  missing.add(error);
  return error;
}

/** Whether an error is one of `missingBackend`. */
export const isMissing = (error: Error) => missing.has(error);

/**
 * Imports `name` if it is installed. Packages are looked up from this library's own folder, as `import` does.
 *
 * @returns the module, or undefined when that package is not installed.
 * @throws BackendError when it is installed and fails to load; the failure is its `cause`.
 */
export async function importOptional<T>(name: string): Promise<T | undefined> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as T;
  } catch (error) {
    if (isNotInstalled(error, name)) {
      return undefined;
    }
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    throw new BackendError(`${name}: an installed package must load; got "${why}" (reinstall it).`, {
      cause: error,
    });
  }
}

/**
 * Whether `error` says that this very package is missing. A package that is there but lacks a file or a dependency of
 * its own gives the same code; its message then quotes a path, or another name.
 */
function isNotInstalled(error: unknown, name: string): boolean {
  const {code, message} = (error ?? {}) as {code?: unknown; message?: unknown};
  return (
    (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && String(message).includes(`'${name}'`)
  );
}
