/** A small data set of given images for tests, some of which may be unreadable. */

import type {ImageDataset} from '../../../src/data/dataset.js';
import {DataError} from '../../../src/errors.js';

interface MemoryDatasetArgs {
  /** Labels; one image each. */
  labels: number[];
  height?: number;
  width?: number;
  /** Value of byte `at` of image `index`; default a mix of both. */
  byte?: (index: number, at: number) => number;
  /** Images whose read rejects with a DataError. */
  bad?: number[];
  /** Told of each read. */
  onRead?: (index: number) => void;
}

export function memoryDataset(args: MemoryDatasetArgs): ImageDataset {
  const {labels, height = 4, width = 4, bad = [], onRead} = args;
  const byte = args.byte ?? ((index, at) => (index * 31 + at * 7) % 256);
  return {
    name: 'memory',
    size: labels.length,
    height,
    width,
    channels: 3,
    classNames: Array.from({length: Math.max(...labels) + 1}, (_, k) => `class${k}`),
    label: (index) => labels[index]!,
    async read(index) {
      onRead?.(index);
      if (bad.includes(index)) throw new DataError(`memory: image ${index} is damaged.`);
      return Uint8Array.from({length: height * width * 3}, (_, at) => byte(index, at));
    },
  };
}

/** The error that `action` throws or rejects with; fails if it does neither. */
export async function errorOf(action: () => unknown): Promise<Error> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error; got none');
}
