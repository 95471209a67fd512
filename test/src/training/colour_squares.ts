/** A data set in memory that a linear model learns: each class is one bright channel under noise. */
import type {DatasetSplit, ImageDataset} from '../../../src/data/dataset.js';
import {DataError} from '../../../src/errors.js';

const EXTENT = 4;

/** @param bad indices that cannot be read. */
export function colourSquares(
  name: string,
  size: number,
  seed: number,
  bad: readonly number[] = [],
): ImageDataset {
  const volume = EXTENT * EXTENT * 3;
  return {
    name,
    size,
    height: EXTENT,
    width: EXTENT,
    channels: 3,
    classNames: ['red', 'green', 'blue'],
    label: (index) => index % 3,
    async read(index) {
      if (bad.includes(index)) throw new DataError(`${name}: image ${index} must be readable; got garbage.`);
      // A linear congruential generator: the bytes are the same on every machine.
      let state = (seed * 7919 + index * 104729 + 1) >>> 0;
      return Uint8Array.from({length: volume}, (_, at) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return (state >>> 25) + (at % 3 === index % 3 ? 100 : 0);
      });
    },
  };
}

export const colourSplit = (trainSize = 48, testSize = 21): DatasetSplit => ({
  train: colourSquares('squares/train', trainSize, 1),
  test: colourSquares('squares/test', testSize, 2),
});
