/**
 * A relative position bias table for another window: each head's table is an image [2 Wh - 1, 2 Ww - 1] that is resized
 * bicubically, corners on corners' centres aligned as PyTorch's interpolate does without align_corners.
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
 * @param values [rows, heads] with rows = side^2, side odd: a square window, as all published ones are.
 * @returns the table [target rows, heads], or undefined where either is of no square window.
 */
export function resizeBiasTable(
  values: Float32Array,
  [rows, heads]: [number, number],
  [targetRows]: [number, number],
): Float32Array | undefined {
  const [side, targetSide] = [Math.sqrt(rows), Math.sqrt(targetRows)];
  if (!Number.isInteger(side) || !Number.isInteger(targetSide)) return undefined;
  const along = taps(side, targetSide);
  const result = new Float32Array(targetRows * heads);
  for (let head = 0; head < heads; head++) {
    for (const [i, down] of along.entries()) {
      for (const [j, right] of along.entries()) {
        let sum = 0;
        for (let a = 0; a < 4; a++) {
          for (let b = 0; b < 4; b++) {
            const from = (down.at[a] * side + right.at[b]) * heads + head;
            sum += down.weights[a] * right.weights[b] * values[from];
          }
        }
        result[(i * targetSide + j) * heads + head] = sum;
      }
    }
  }
  return result;
}
