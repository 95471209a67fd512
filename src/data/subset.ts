/** A part of a data set, balanced by class: equally many images of every class, as far as each class has them. */

import {positiveInteger} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {checkIndex} from './check_index.js';
import {labelOf} from './checked_reads.js';
import type {ImageDataset} from './dataset.js';
import {type Seed, shuffled} from './shuffle.js';

export interface SubsetArgs {
  /** Most images to keep; at least 1. */
  limit: number;
  /** Chooses which images; default 0. */
  seed?: Seed;
}

/**
 * At most `limit` images of `dataset`, chosen at random within each class and in their original order. The classes
 * take turns, so that their counts differ by at most one unless a class runs out of images. The same seed gives the
 * same images; a limit of at least `dataset.size` gives the data set itself.
 *
 * @throws ConfigError if `limit` is no whole number from 1; DataError for a label that is no class.
 */
export function subset(dataset: ImageDataset, args: SubsetArgs): ImageDataset {
  const who = `subset(${dataset.name})`;
  checkArguments(who, args, {limit: true, seed: true} satisfies ArgumentNames<SubsetArgs>);
  const {limit, seed = 0} = args;
  positiveInteger(who, 'limit', limit);
  if (limit >= dataset.size) return dataset;

  const chosen = balancedIndices(dataset, limit, seed);
  return {
    name: dataset.name,
    size: chosen.length,
    height: dataset.height,
    width: dataset.width,
    channels: dataset.channels,
    classNames: dataset.classNames,
    label(index) {
      checkIndex(dataset.name, index, chosen.length);
      return dataset.label(chosen[index]!);
    },
    async read(index) {
      checkIndex(dataset.name, index, chosen.length);
      return dataset.read(chosen[index]!);
    },
  };
}

/** Indices of `limit` images, as `subset` chooses them, ascending; all of them if there are no more. */
export function balancedIndices(
  dataset: Pick<ImageDataset, 'name' | 'size' | 'classNames' | 'label'>,
  limit: number,
  seed: Seed,
): number[] {
  const byClass: number[][] = dataset.classNames.map(() => []);
  for (let index = 0; index < dataset.size; index++) byClass[labelOf(dataset, index)]!.push(index);
  // The order of the turns is random too: with fewer images than classes, the first classes have no precedence.
  const queues = shuffled(
    byClass.map((indices, label) => shuffled(indices, `${seed}/subset/${label}`)),
    `${seed}/subset`,
  );
  const chosen: number[] = [];
  const total = Math.min(limit, dataset.size);
  for (let turn = 0; chosen.length < total; turn++) {
    for (const queue of queues) {
      if (turn < queue.length && chosen.length < total) chosen.push(queue[turn]!);
    }
  }
  return chosen.sort((a, b) => a - b);
}
