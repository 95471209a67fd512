/**
 * A grid of vectors [rows, columns, channels] for another number of cells, bicubically, aligned as PyTorch's interpolate
 * does without align_corners.
 *
 *   source position of target i: (i + 1/2) S / T - 1/2;  weights by Keys' kernel with a = -3/4, edges repeated
 *
 * Source: microsoft/Swin-Transformer, load_pretrained; Keys 1981, "Cubic Convolution Interpolation for Digital Image
 * Processing".
 */

const A = -0.75;

/** Keys' kernel at a distance. */
function weight(distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((A + 2) * d - (A + 3)) * d * d + 1;
  if (d < 2) return ((A * d - 5 * A) * d + 8 * A) * d - 4 * A;
  return 0;
}

/** For each target position the four source positions and their weights. */
function taps(source: number, target: number): {at: number[]; weights: number[]}[] {
  return Array.from({length: target}, (_, i) => {
    const position = ((i + 0.5) * source) / target - 0.5;
    const base = Math.floor(position);
    const offsets = [-1, 0, 1, 2];
    return {
      at: offsets.map((offset) => Math.min(source - 1, Math.max(0, base + offset))),
      weights: offsets.map((offset) => weight(position - base - offset)),
    };
  });
}

/**
 * @param values [rows, columns, channels].
 * @param to Rows and columns of the result.
 * @returns [to rows, to columns, channels].
 */
export function resizeBicubic(
  values: Float32Array,
  [rows, columns, channels]: readonly [number, number, number],
  to: readonly [number, number],
): Float32Array {
  const [down, across] = [taps(rows, to[0]), taps(columns, to[1])];
  const result = new Float32Array(to[0] * to[1] * channels);
  for (const [i, row] of down.entries()) {
    for (const [j, column] of across.entries()) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let a = 0; a < 4; a++) {
          for (let b = 0; b < 4; b++) {
            const from = (row.at[a] * columns + column.at[b]) * channels + channel;
            sum += row.weights[a] * column.weights[b] * values[from];
          }
        }
        result[(i * to[1] + j) * channels + channel] = sum;
      }
    }
  }
  return result;
}
