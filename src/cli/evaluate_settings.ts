/** The options of `tfjs-swint evaluate`. */
import type {Output} from './display.js';
import type {MASKS} from './mask_options.js';
import {flag, option, type Values} from './options.js';
import type {MACHINE} from './train_settings.js';
import {count, oneOf, oneOfNumbers, path, whole} from './values.js';

export const DATA = {
  data: option(
    'DIR',
    path('a folder'),
    null,
    'for a classifier a folder with one folder of images per class (or train/ and test/ of those), or with the binary ' +
      'files of CIFAR-10 or CIFAR-100; for a segmentation network a folder of images and a folder of masks in it',
    'none: it must be given',
  ),
  part: option(
    'test|train|all',
    oneOf(['test', 'train', 'all']),
    'test',
    'which images: the held-out ones that training with the same --data and --seed left out, the others, or all',
  ),
  seed: option('N', whole, 0, 'decides which images are held out where the folder does not say'),
  badImages: option('fail|skip', oneOf(['fail', 'skip']), 'fail', 'what an unreadable image of a class does'),
  batchSize: option('N', count, null, 'images per batch of a classifier', '64'),
  views: option(
    '1|2|6',
    oneOfNumbers([1, 2, 6]),
    null,
    'views of each image of a classifier whose outputs are averaged: itself, its mirror image too, both shifted as well',
    '1',
  ),
};

export const SEGMENTATION = {
  border: option(
    'NAME',
    path('the name of a class'),
    null,
    'the class that parts segments, for the Rand score',
    "the model's own, if any",
  ),
  background: option(
    'NAME',
    path('the name of a class'),
    null,
    'the class that pictures of the report leave uncoloured',
    "the model's own, else its first class",
  ),
  tile: option('N', count, null, 'pixels of the side of a tile', 'the size that the model takes, else 512'),
};

export const OUTPUT = {
  report: option('FILE.html', path('a file'), null, 'write a report with pictures', 'none'),
  json: flag('write one JSON object in place of text', 'text'),
};

export type EvaluateOptions = Values<
  typeof DATA & typeof MASKS & typeof SEGMENTATION & typeof OUTPUT & typeof MACHINE
>;

export type EvaluateSettings = Omit<EvaluateOptions, 'data'> & {
  model: string;
  data: string;
  /** The command line, for people who want the same again. */
  command: string;
};

/** Where an evaluation writes. */
export interface EvaluationOutput {
  out: Output;
  /** A line of the result, for people. */
  line: (text?: string) => void;
  /** What people have to know of the data. */
  note: (text: string) => void;
}
