/** The program `tfjs-swint`: its commands, and how their errors become messages and exit codes. */
import {createRequire} from 'node:module';
import {CommanderError} from 'commander';
import {SwintError} from '../errors.js';
import {printable} from '../printable.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {convertCommand} from './convert.js';
import type {Output} from './display.js';
import {evaluateCommand} from './evaluate.js';
import {inspectCommand} from './inspect.js';
import {predictCommand} from './predict.js';
import {trainCommand} from './train.js';
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
 * @returns the exit code: 0 done, 1 failed, 2 a command line that cannot be understood, 130 Ctrl-C, 143 SIGTERM. Errors have then
 *     been printed: those of this library as one message, any other, being a bug, with its stack.
 */
export async function run(args: readonly string[], {out, err}: Streams): Promise<number> {
  const context: Context = {args, now: new Date(), out, err, exitCode: 0};
  try {
    await program(context).parseAsync(withoutHelpCommand(args), {from: 'user'});
    return context.exitCode;
  } catch (error) {
    // Help or the version was asked for, and has been written.
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof SwintError) err.write(`${printable(error.message)}\n`);
    else err.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** `help` and `help train` mean `--help` and `train --help`. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args;
}

function program(context: Context) {
  return (
    newCommand(PROGRAM, context)
      .description('Swin Transformer layers for TensorFlow.js')
      .usage('<command> [options]')
      .helpOption('-h, --help', "show this help; after a command, the command's own")
      .version(version(), '-v, --version', 'show the version')
      // What follows a command is for the command.
      .enablePositionalOptions()
      .addCommand(trainCommand(context))
      .addCommand(predictCommand(context))
      .addCommand(evaluateCommand(context))
      .addCommand(convertCommand(context))
      .addCommand(inspectCommand(context))
  );
}

function version(): string {
  return createRequire(import.meta.url)('tfjs-swint/package.json').version;
}
