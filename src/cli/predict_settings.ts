/** The options of `tfjs-swint predict`, and what is predicted of a picture. */
import {flag, option, type Values} from './options.js';
import type {MACHINE} from './train_settings.js';
import {count, oneOfNumbers, path} from './values.js';

export const CLASSES = {
  top: option('N', count, null, 'most probable classes to name', '5, or all where there are fewer'),
  views: option(
    '1|2|6',
    oneOfNumbers([1, 2, 6]),
    null,
    'views of each image whose outputs are averaged: itself, its mirror image too, both shifted as well',
    '1',
  ),
};

export const MASKS = {
  out: option('DIR', path('a folder'), null, 'where the coloured pictures go', 'beside each picture'),
  background: option(
    'NAME',
    path('the name of a class'),
    null,
    'the class that is left uncoloured',
    "the model's own, else its first class",
  ),
  tile: option('N', count, null, 'pixels of the side of a tile', 'the size that the model takes, else 512'),
};

export const OUTPUT = {json: flag('write one JSON array in place of text', 'text')};

export type PredictSettings = Values<typeof CLASSES & typeof MASKS & typeof OUTPUT & typeof MACHINE> & {
  model: string;
  pictures: readonly string[];
};

/** What a model says of one picture. */
export interface PicturePrediction {
  /** Lines to print under the picture's name. */
  lines: string[];
  /** The same for programs. */
  json: object;
}

/** Predicts one picture file. */
export type Predictor = (path: string) => Promise<PicturePrediction>;
