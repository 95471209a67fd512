/** The options of a command, read strictly: what cannot be understood is a UsageError that names the command and the option. */
import {parseArgs} from 'node:util';
import {UsageError} from './usage_error.js';

export interface NumberRule {
  what: string;
  holds: (value: number) => boolean;
}

export const COUNT: NumberRule = {
  what: 'a whole number from 1',
  holds: (value) => Number.isInteger(value) && value >= 1,
};
export const WHOLE: NumberRule = {
  what: 'a whole number from 0',
  holds: (value) => Number.isInteger(value) && value >= 0,
};
export const FROM_ZERO: NumberRule = {what: 'a number from 0', holds: (value) => value >= 0};
export const POSITIVE: NumberRule = {what: 'a number above 0', holds: (value) => value > 0};
export const BELOW_ONE: NumberRule = {what: 'a number in [0, 1)', holds: (value) => value >= 0 && value < 1};

/** The options that a command has: those with a value, and flags. */
type OptionTypes = Readonly<Record<string, {readonly type: 'string' | 'boolean'}>>;

/** What was given of them. */
type OptionValues<T extends OptionTypes> = {
  [K in keyof T]?: T[K]['type'] extends 'boolean' ? boolean : string;
};

/**
 * @param command The command's name, in messages.
 * @param args What follows it.
 * @param options As node:util's parseArgs takes them.
 * @param allowPositionals Whether there may be words that are no options. Default false.
 * @returns The values given, the other words, and what reads a value and checks it.
 * @throws UsageError for an option that there is not, or one without its value.
 */
export function optionsOf<T extends OptionTypes>(
  command: string,
  args: readonly string[],
  options: T,
  allowPositionals = false,
) {
  const parseNumber = (name: string, given: string, {what, holds}: NumberRule): number => {
    // Number('') is 0, and Number accepts spaces and 0x: none of them is what somebody meant.
    const value = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
    if (!Number.isFinite(value) || !holds(value)) {
      throw new UsageError(`${command}: --${name} must be ${what}; got ${given === '' ? 'nothing' : given}.`);
    }
    return value;
  };
  const choice = <C extends string>(name: string, given: string, choices: readonly C[]): C => {
    const chosen = choices.find((value) => value === given);
    if (chosen === undefined) {
      throw new UsageError(
        `${command}: --${name} must be one of ${choices.join(', ')}; got ${given || 'nothing'}.`,
      );
    }
    return chosen;
  };
  const {values, positionals} = parse(command, args, options, allowPositionals);
  return {values, positionals, parseNumber, choice};
}

function parse<T extends OptionTypes>(
  command: string,
  args: readonly string[],
  options: T,
  allowPositionals: boolean,
): {values: OptionValues<T>; positionals: string[]} {
  try {
    const rules = {options, strict: true, allowNegative: true, allowPositionals};
    const {values, positionals} = parseArgs({args: joinNegatives(args), ...rules});
    return {values: values as OptionValues<T>, positionals};
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (typeof code !== 'string' || !code.startsWith('ERR_PARSE_ARGS')) throw error;
    // Node's first sentence says what is wrong; the rest is advice on how to write positional arguments.
    const [problem] = (error as Error).message.split(/\.\s/);
    throw new UsageError(
      `${command}: ${problem.replace(/\.$/, '')} (tfjs-swint ${command} --help lists the options).`,
      {cause: error},
    );
  }
}

/** `--seed -1` as `--seed=-1`: a negative number is to be refused as that, not taken for an option. */
function joinNegatives(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    if (/^-\.?\d/.test(arg) && last !== undefined && /^--[\w-]+$/.test(last))
      joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}
