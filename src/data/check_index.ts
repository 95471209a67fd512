/** The check that every data set makes of an image's index. */

import {checkNumber, wholeNumber} from '../../kernels/common/arguments.js';
import {DataError} from '../errors.js';

/** Throws DataError unless `index` is a whole number in [0, size). */
export function checkIndex(name: string, index: number, size: number): void {
  checkNumber(name, "an image's index", index, wholeNumber(0, size - 1), {error: DataError});
}
