/** The command line of `tfjs-swint convert`, read and checked. */
import {LAYOUTS, type Layout} from '../weights/layouts/index.js';
import {COUNT, type NumberRule, optionsOf} from './options.js';
import {UsageError} from './usage_error.js';

/** Everything the command needs; null where the checkpoint decides. */
export interface ConvertCommand {
  help: boolean;
  /** A checkpoint, or a folder of a saved model. */
  input: string;
  /** A folder, or a safetensors file. */
  out: string;
  /** Of the safetensors file that is written. */
  layout: Layout;
  window: number | null;
  imageSize: number | null;
  channelsLast: boolean;
}

const text = {type: 'string'} as const;
const flag = {type: 'boolean'} as const;

const OPTIONS = {
  help: flag,
  to: text,
  layout: text,
  window: text,
  'image-size': text,
  'channels-last': flag,
} as const;

/** Whether the result is a file of weights; otherwise it is a folder of a model. */
export const isWeightFile = (path: string): boolean => /\.safetensors$/i.test(path);

/** Whether the input is a checkpoint; otherwise it is a saved model. */
export const isCheckpoint = (path: string): boolean => /\.(safetensors|pth|pt|bin)$/i.test(path);

/**
 * @param args What follows `convert`.
 * @throws UsageError naming the option, what it must be and what came.
 */
export function parseConvertCommand(args: readonly string[]): ConvertCommand {
  const {values, positionals, parseNumber, choice} = optionsOf('convert', args, OPTIONS, true);
  const number = (name: 'window' | 'image-size', rule: NumberRule) =>
    values[name] === undefined ? null : parseNumber(name, values[name], rule);
  const command = {
    help: values.help ?? false,
    input: positionals[0] ?? '',
    out: values.to ?? '',
    layout: values.layout === undefined ? 'microsoft' : choice('layout', values.layout, LAYOUTS),
    window: number('window', COUNT),
    imageSize: number('image-size', COUNT),
    channelsLast: values['channels-last'] ?? false,
  };
  if (command.help) return command;
  if (positionals.length !== 1) {
    const got = positionals.length === 0 ? 'none' : positionals.join(' ');
    throw new UsageError(
      `convert: one file or folder must be given; got ${got} (tfjs-swint convert --help).`,
    );
  }
  if (command.out === '') {
    throw new UsageError('convert: --to must be a folder or a .safetensors file; got nothing.');
  }
  if (values.layout !== undefined && !isWeightFile(command.out)) {
    throw new UsageError(
      `convert: --layout must go with a .safetensors file; got --to ${command.out} (a folder has our own names).`,
    );
  }
  if (!isCheckpoint(command.input)) checkModelOptions(values);
  return command;
}

/** A saved model is what it is: nothing of it can be chosen. */
function checkModelOptions(values: Readonly<Record<string, unknown>>): void {
  for (const name of ['window', 'image-size', 'channels-last']) {
    if (values[name] !== undefined) {
      throw new UsageError(
        `convert: --${name} must go with a checkpoint; got it with a saved model (leave it out).`,
      );
    }
  }
}
