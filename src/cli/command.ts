/**
 * A command of `tfjs-swint` is a file that declares its options and runs. The library commander reads the command line;
 * what it cannot understand is a UsageError here, one line that names the command and the option.
 */
import {Command, type CommanderError} from 'commander';
import type {Output} from './display.js';
import {UsageError} from './usage_error.js';

/** What a command works with. */
export interface Context {
  /** The command line without the program's name. */
  readonly args: readonly string[];
  /** When the program was started. */
  readonly now: Date;
  /** Where results go. */
  readonly out: Output;
  /** Where errors go that do not end the command. */
  readonly err: Output;
  /** What the program is to end with where nothing is thrown. */
  exitCode: number;
}

export const PROGRAM = 'tfjs-swint';

/** Characters in a line of help where there is no terminal. */
const HELP_WIDTH = 120;

/**
 * A command without options. Its `parseAsync` throws UsageError, or CommanderError with exit code 0 after help that was
 * asked for.
 */
export function newCommand(name: string, {out}: Context): Command {
  const command = new Command(name);
  return command
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (subcommand) => subcommand.name(),
      // It tells the default in words of its own.
      optionDescription: ({description}) => description,
    })
    .configureOutput({
      writeOut: (text) => out.write(text),
      // Errors are thrown, and printed by who catches them.
      writeErr() {},
      outputError() {},
      getOutHelpWidth: () => (out.isTTY && out.columns) || HELP_WIDTH,
    })
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : new UsageError(problemOf(command, error), {cause: error});
    });
}

/** What is wrong with the command line, in one line. */
function problemOf(command: Command, {code, message}: CommanderError): string {
  const name = command.name();
  const help = `${name === PROGRAM ? '' : `${PROGRAM} `}${name} --help`;
  switch (code) {
    case 'commander.help':
      return `${name}: a command must be given; got none (${help} lists them).`;
    case 'commander.unknownCommand': {
      const names = command.commands.map((subcommand) => subcommand.name());
      return `${name}: the command must be one of ${names.join(', ')}; got ${command.args[0]} (${help}).`;
    }
    case 'commander.excessArguments': {
      const extra = command.args[command.registeredArguments.length];
      return `${name}: Unexpected argument '${extra}' (${help} lists the options).`;
    }
    default: {
      // "error: unknown option '--epoch'", and perhaps a second line "(Did you mean --epochs?)".
      const [problem, suggestion] = message.replace(/^error: /, '').split('\n');
      const sentence = problem.charAt(0).toUpperCase() + problem.slice(1);
      return `${name}: ${sentence} ${suggestion ?? `(${help} lists the options)`}.`;
    }
  }
}
