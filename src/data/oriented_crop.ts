/**
 * Rectangles of an image in one of eight orientations: mirrored or not, turned by 0, 90, 180 or 270 degrees. The same view
 * of an image and of its mask keeps every pixel with its class.
 *
 * A view's cell (y, x) is the image's cell start + y dy + x dx, counted row by row: a turn exchanges the steps and moves
 * the start to another corner.
 */

import type {Random} from './shuffle.js';

export interface OrientedCrop {
  /** The rectangle in the image. */
  top: number;
  left: number;
  height: number;
  width: number;
  /** Quarter turns counterclockwise, 0 to 3; with 1 and 3 the view is [width, height]. Default 0. */
  turns?: number;
  /** Whether left and right are exchanged after the turns. Default false. */
  mirrored?: boolean;
}

/**
 * The view's pixels as a new array.
 *
 * @param pixels [rows, columns, channels].
 * @param columns of the image that the view lies in.
 */
export function orientedCrop<T extends Uint8Array | Uint8ClampedArray>(
  pixels: T,
  columns: number,
  channels: number,
  {top, left, height, width, turns = 0, mirrored = false}: OrientedCrop,
): Uint8Array {
  const corner = (bottom: boolean, right: boolean) =>
    (top + (bottom ? height - 1 : 0)) * columns + left + (right ? width - 1 : 0);
  let [start, dy, dx] = [
    [corner(false, false), columns, 1],
    [corner(false, true), -1, columns],
    [corner(true, true), -columns, -1],
    [corner(true, false), 1, -columns],
  ][turns]!;
  const [rows, cells] = turns % 2 === 0 ? [height, width] : [width, height];
  if (mirrored) {
    start += (cells - 1) * dx;
    dx = -dx;
  }
  const result = new Uint8Array(height * width * channels);
  let to = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < cells; x++) {
      const from = (start + y * dy + x * dx) * channels;
      for (let c = 0; c < channels; c++) result[to++] = pixels[from + c]!;
    }
  }
  return result;
}

export interface RandomCropArgs {
  /** Side of a square taken at a random place; default the whole image. */
  cropSize?: number;
  /** Exchange left and right with probability 1/2; default false. */
  flip?: boolean;
  /** Turn by 0, 90, 180 or 270 degrees, each with probability 1/4; default false. Keeps the shape of squares only. */
  rotate?: boolean;
}

/**
 * A random view of an image [height, width], which is at least as large as `cropSize`.
 *
 * @param random uniform numbers in [0, 1); four are drawn whatever the options, so that turning one off leaves the others
 *   as they were.
 */
export function randomCrop(
  height: number,
  width: number,
  args: RandomCropArgs,
  random: Random,
): OrientedCrop {
  const {cropSize, flip = false, rotate = false} = args;
  const [rows, columns] = cropSize === undefined ? [height, width] : [cropSize, cropSize];
  const top = Math.floor(random() * (height - rows + 1));
  const left = Math.floor(random() * (width - columns + 1));
  const mirrored = random() < 0.5;
  const turns = Math.floor(random() * 4);
  return {
    top,
    left,
    height: rows,
    width: columns,
    turns: rotate ? turns : 0,
    mirrored: flip && mirrored,
  };
}
