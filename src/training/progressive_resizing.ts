/**
 * Progressive resizing: the first steps of a training see smaller images, which cost less; the rest, and every test, see
 * them at their own size.
 *
 * Without a limit of time the size of a step's images follows from the number of the step alone. Source: Howard 2018,
 * "Training Imagenet in 3 hours for $25" (fast.ai, DAWNBench); Touvron et al. 2019, "Fixing the train-test resolution
 * discrepancy".
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
  /**
   * Share of the training that is done at that size, 0 to 1: of all planned steps, epochs times steps, or, where that is
   * over sooner, of the time limit.
   */
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

/** Rows and columns of the images of a step, by the share of the training that is done before it. */
export function sizeByShare(
  {height, width}: ImageDataset,
  {from, until}: ProgressiveResizing,
): (done: number) => readonly [number, number] {
  const scale = from / Math.min(height, width);
  const small = [Math.round(height * scale), Math.round(width * scale)] as const;
  return (done) => (done < until ? small : [height, width]);
}
