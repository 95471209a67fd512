/**
 * The options of a command: each is named once, with how its value is read, its default and its help.
 *
 *     const OPTIONS = {imageSize: option('N', count, null, 'pixels of a side', 'at most 64')};
 *
 * declares --image-size; the library commander reads the command line and writes the help, and `Values<typeof OPTIONS>` is
 * the type of what comes out.
 */
import {type Command, Option} from 'commander';
import {UsageError} from './usage_error.js';
import type {Reader} from './values.js';

/** How an option is declared; its name is the key that it stands under, in camelCase. */
export interface Declared<T> {
  /** What the help calls the value; none for a flag. */
  value?: string;
  read?: Reader<T>;
  /** Where the option is not given. */
  fallback: T;
  help: string;
  /** What the help says of the fallback; default the fallback itself where it is text or a number. */
  shown?: string;
  /** Whether a flag can also be given as --no-flag. */
  negatable?: boolean;
}

type Options = Readonly<Record<string, Declared<unknown>>>;

/** What a command line says, by the names of the options. */
export type Values<T extends Options> = {[K in keyof T]: T[K]['fallback']};

/** An option with a value. */
export function option<T, const Fallback extends T | null>(
  value: string,
  read: Reader<T>,
  fallback: Fallback,
  help: string,
  shown?: string,
): Declared<T | Fallback> {
  return {value, read, fallback, help, shown};
}

/** A flag, which is off unless given; `shown` is what the help says of that. */
export const flag = (help: string, shown: string): Declared<boolean> => ({fallback: false, help, shown});

/** A flag and its opposite, --no-flag; null where neither is given. */
export const onOff = (help: string, shown: string): Declared<boolean | null> => ({
  ...{fallback: null, help, shown},
  negatable: true,
});

/** Adds options under a heading of the help. */
export function addOptions(command: Command, heading: string, options: Options): void {
  command.optionsGroup(heading);
  for (const [key, declared] of Object.entries(options)) {
    const name = optionName(key);
    const {value, read, fallback, negatable} = declared;
    const flags = value === undefined ? `--${name}` : `--${name} <${value}>`;
    const added = new Option(flags, helpOf(declared)).default(fallback);
    if (read !== undefined) {
      added.argParser((given) =>
        read(given, (rule, got) => {
          throw new UsageError(`${command.name()}: --${name} must be ${rule}; got ${got || 'nothing'}.`);
        }),
      );
    }
    command.addOption(added);
    if (negatable) command.addOption(new Option(`--no-${name}`, `the opposite of --${name}`));
  }
}

/** imageSize is --image-size on the command line. */
export const optionName = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function helpOf({fallback, help, shown}: Declared<unknown>): string {
  const text = shown ?? (typeof fallback === 'string' || typeof fallback === 'number' ? fallback : null);
  return text === null ? help : `${help}; default ${text}`;
}

/** The names of the options that are on the command line; the others have their defaults. */
export function givenOptions<Options extends object>(
  command: Command,
  options: Options,
): (keyof Options & string)[] {
  const names = Object.keys(options) as (keyof Options & string)[];
  return names.filter((name) => command.getOptionValueSource(name) === 'cli');
}
