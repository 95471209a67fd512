/** The check that every data set makes of an image's index. */

import {DataError} from '../errors.js';

/** Throws DataError unless `index` is a whole number in [0, size). */
export function checkIndex(name: string, index: number, size: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= size) {
    throw new DataError(
      `${name}: an image's index must be a whole number from 0 to ${size - 1}; got ${index}.`,
    );
  }
}
