/**
 * Progressive resizing: the first steps of a training see smaller images, which cost less; the rest, and every test, see
 * them at their own size.
 *
 * The size of a step's images follows from the number of the step alone. Source: Howard 2018, "Training Imagenet in 3
 * hours for $25" (fast.ai, DAWNBench); Touvron et al. 2019, "Fixing the train-test resolution discrepancy".
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkNumber, SHARE, wholeNumber} from '../../kernels/common/arguments.js';
import {type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import type {ImageDataset} from '../data/dataset.js';
import {ConfigError} from '../errors.js';

export interface ProgressiveResizing {
  /** Pixels of the shorter side at the start; at most the images' own. The longer side keeps the proportions. */
  from: number;
  /** Share of all planned steps, epochs times steps, that are taken at that size, 0 to 1; a limit of time does not change it. */
  until: number;
}

const ARGUMENTS = {from: true, until: true} as const satisfies ArgumentNames<ProgressiveResizing>;

/** @throws ConfigError, in the name of `who`, for an option out of range, or a model whose input has a fixed size. */
export function checkProgressiveResizing(
  who: string,
  model: tfl.LayersModel,
  {height, width, channels}: ImageDataset,
  dataFormat: DataFormat,
  args: ProgressiveResizing,
): void {
  const name = 'progressiveResizing';
  checkArguments(`${who}: ${name}`, args, ARGUMENTS);
  checkNumber(who, `${name}.from`, args.from, wholeNumber(1, Math.min(height, width)), {
    fix: `the images have ${height}x${width} pixels`,
  });
  checkNumber(who, `${name}.until`, args.until, SHARE);
  const input = model.inputs[0].shape.slice(1);
  const [rows, columns] = dataFormat === 'channelsFirst' ? input.slice(1) : input;
  if (rows != null || columns != null) {
    const free = showShape(mapShape<number | string>(dataFormat, channels, 'null', 'null'));
    throw new ConfigError(
      `${who}: ${name} must come with a model that takes images of any height and width; got one for ` +
        `${showShape(input)} (build it with the inputShape ${free}).`,
    );
  }
}

/** Rows and columns of the images of a step, counted from 0 over the whole training. */
export function sizeByStep(
  {height, width}: ImageDataset,
  {from, until}: ProgressiveResizing,
  totalSteps: number,
): (step: number) => readonly [number, number] {
  const scale = from / Math.min(height, width);
  const small = [Math.round(height * scale), Math.round(width * scale)] as const;
  return (step) => (step < until * totalSteps ? small : [height, width]);
}
