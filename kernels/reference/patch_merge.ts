/** patchMerge and its gradient, plainly, in float64. Contract: contracts/patch_merge. For tests only. */
import {type NdArray, zeros} from './array.js';

/** Calls `visit` for every cell of x with its place in y. */
function eachCell(shape: readonly number[], visit: (from: number, to: number) => void): void {
  const [batch, height, width, channels] = shape;
  const [h, w] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const part = (i % 2) + 2 * (j % 2);
        const cell = (b * h + Math.floor(i / 2)) * w + Math.floor(j / 2);
        for (let c = 0; c < channels; c++) {
          visit(((b * height + i) * width + j) * channels + c, (cell * 4 + part) * channels + c);
        }
      }
    }
  }
}

/** Forward. */
export function patchMergeReference(x: NdArray): NdArray {
  const [batch, height, width, channels] = x.shape;
  const y = zeros([batch, Math.ceil(height / 2), Math.ceil(width / 2), 4 * channels]);
  eachCell(x.shape, (from, to) => {
    y.data[to] = x.data[from];
  });
  return y;
}

/** Gradient of x. */
export function patchMergeGradReference(shape: readonly number[], dy: NdArray): NdArray {
  const dx = zeros(shape);
  eachCell(shape, (from, to) => {
    dx.data[from] = dy.data[to];
  });
  return dx;
}
