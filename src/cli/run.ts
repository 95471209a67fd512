/** The commands of `tfjs-swint`, and how their errors become messages and exit codes. */
import {createRequire} from 'node:module';
import {SwintError} from '../errors.js';
import {convertCommand} from './convert.js';
import type {Output} from './display.js';
import {trainCommand} from './train.js';
import {MAIN_HELP} from './usage.js';
import {UsageError} from './usage_error.js';

/** Where a command writes: results to `out`, errors to `err`. */
export interface Streams {
  out: Output;
  err: Output;
}

/**
 * Runs one command line.
 *
 * @param args Without the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 a command line that cannot be understood, 130 Ctrl-C. Errors have then
 *     been printed: those of this library as one message, any other, being a bug, with its stack.
 */
export async function run(args: readonly string[], streams: Streams): Promise<number> {
  try {
    return await dispatch(args, streams);
  } catch (error) {
    if (error instanceof SwintError) streams.err.write(`${error.message}\n`);
    else streams.err.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function dispatch([command, ...rest]: readonly string[], {out}: Streams): Promise<number> {
  switch (command) {
    case 'train':
      return trainCommand(rest, out);
    case 'convert':
      return convertCommand(rest, out);
    case '--version':
      out.write(`${version()}\n`);
      return 0;
    case '--help':
      out.write(MAIN_HELP);
      return 0;
    case undefined:
      throw new UsageError(`tfjs-swint: a command must be given; got none (tfjs-swint --help lists them).`);
    default:
      throw new UsageError(
        `tfjs-swint: the command must be train or convert; got ${command} (tfjs-swint --help).`,
      );
  }
}

function version(): string {
  return createRequire(import.meta.url)('tfjs-swint/package.json').version;
}
