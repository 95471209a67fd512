/**
 * The binary versions of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html), from bytes.
 *
 * A record of CIFAR-10 is 1 + 3072 bytes: label, then 1024 bytes each of red, green and blue, row by row. A record
 * of CIFAR-100 is 2 + 3072 bytes: coarse label, fine label, the same planes. A file is records and nothing else.
 */

import {oneOf} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ConfigError, DataError} from '../errors.js';
import {checkIndex} from './check_index.js';
import type {ImageDataset} from './dataset.js';

export type CifarKind = 'cifar10' | 'cifar100';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const CHANNELS = 3;

/** Class names of CIFAR-10 in the order of its labels. */
const CIFAR10_CLASS_NAMES: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

export interface ParseCifarArgs {
  kind: CifarKind;
  /** What to call it in messages and reports: the file's name, for example. */
  name: string;
  /** Which of the two labels of CIFAR-100 to use: 'fine' (100 classes, default) or 'coarse' (20). */
  labels?: 'fine' | 'coarse';
  /** As many names as there are classes; default the official ones for CIFAR-10, required for CIFAR-100. */
  classNames?: readonly string[];
}

const ARGUMENTS = {
  ...{kind: true, name: true, labels: true, classNames: true},
} as const satisfies ArgumentNames<ParseCifarArgs>;

/**
 * The images of one binary file. The bytes are kept as they are, not copied; `read` gives a new array.
 *
 * @throws DataError if the length is not a whole number of records or a label is out of range; ConfigError for an
 *   unusable option.
 */
export function parseCifar(bytes: Uint8Array, args: ParseCifarArgs): ImageDataset {
  checkArguments('parseCifar', args, ARGUMENTS);
  const {kind, name, labels = 'fine'} = args;
  oneOf(`parseCifar(${name})`, 'kind', kind, ['cifar10', 'cifar100']);
  oneOf(`parseCifar(${name})`, 'labels', labels, ['fine', 'coarse']);
  const classes = kind === 'cifar10' ? 10 : labels === 'fine' ? 100 : 20;
  const classNames = args.classNames ?? (kind === 'cifar10' ? CIFAR10_CLASS_NAMES : []);
  if (classNames.length !== classes) {
    throw new ConfigError(
      `parseCifar(${name}): classNames must be ${classes} names; got ${classNames.length}.`,
    );
  }

  const labelBytes = kind === 'cifar10' ? 1 : 2;
  const labelAt = kind === 'cifar100' && labels === 'fine' ? 1 : 0;
  const record = labelBytes + CHANNELS * PLANE;
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new DataError(
      `parseCifar(${name}): a ${kind} file must be one or more records of ${record} bytes; got ${bytes.length} ` +
        `bytes, ${(bytes.length / record).toFixed(2)} records (is it complete, unpacked, and of this kind?).`,
    );
  }
  const size = bytes.length / record;
  for (let index = 0; index < size; index++) {
    const label = bytes[index * record + labelAt]!;
    if (label >= classes) {
      throw new DataError(
        `parseCifar(${name}): labels must be below ${classes}; got ${label} in record ${index} of ${size} ` +
          `(${bytes.length} bytes, ${record} per record; is it a ${kind} file?).`,
      );
    }
  }

  return {
    name,
    size,
    height: SIDE,
    width: SIDE,
    channels: CHANNELS,
    classNames,
    label(index) {
      checkIndex(name, index, size);
      return bytes[index * record + labelAt]!;
    },
    async read(index) {
      checkIndex(name, index, size);
      const pixels = new Uint8Array(PLANE * CHANNELS);
      const red = index * record + labelBytes;
      for (let i = 0; i < PLANE; i++) {
        pixels[CHANNELS * i] = bytes[red + i]!;
        pixels[CHANNELS * i + 1] = bytes[red + PLANE + i]!;
        pixels[CHANNELS * i + 2] = bytes[red + 2 * PLANE + i]!;
      }
      return pixels;
    },
  };
}
