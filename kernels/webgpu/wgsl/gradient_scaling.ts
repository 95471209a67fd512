/**
 * WGSL that brings a gradient into the range of 16-bit floats before it is a factor of a product, by powers of two:
 *
 *   C = (p A) B / p     A a gradient [M, K]: p one power for each row, by the largest number of the row
 *   C = A (p B) / p     B a gradient [K, N]: p one power for each part of the sum, by the largest number of its rows
 *
 * A power makes the largest number lie in [1024, 2048), so that numbers down to a 2^24th part of it keep all of their 11
 * bits. Without it most gradients would be too small for any. Sums stay float32, and dividing by a power is exact.
 *
 * The product with A finds the largest numbers of the rows and can keep them, maxima [M], for the one with B.
 *
 * Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2, with a scale for each row in the place of one
 * for the loss.
 */

/** The declarations: the powers of the rows of the tile from tileBegin on, or the power of the part. */
export const scalingDeclarations = (gradient: 'a' | 'b', tileRows: number, size: number) => `
var<workgroup> largest: array<f32, ${size}>;
${
  gradient === 'a'
    ? `var<workgroup> powers: array<f32, ${tileRows}>;
var<private> tileBegin: u32;`
    : 'var<private> power: f32;'
}
/** 1 for a row of zeros, and for what is no number. */
fn powerOf(maximum: f32) -> f32 {
  return select(1.0, exp2(10.0 - floor(log2(maximum))), maximum > 1e-30 && maximum < 1e30);
}`;

/**
 * Finds the powers of the rows of a tile, the invocations of a row side by side.
 *
 * @param load WGSL expression: four numbers of the row that begins at `start`, from `i` on, `left` of them its own.
 * @param keepMaxima whether the largest numbers are written to maxima.
 */
export function findRowPowers(tileRows: number, size: number, load: string, keepMaxima: boolean): string {
  const lanes = size / tileRows;
  return `
  tileBegin = firstRow;
  {
    let mine = lane / ${lanes}u;
    let start = min(firstRow + mine, u.m - 1u) * u.k;
    var top = vec4f();
    for (var i = 4u * (lane % ${lanes}u); i < u.k; i += ${4 * lanes}u) {
      let left = u.k - i;
      top = max(top, abs(${load}));
    }
    largest[lane] = max(max(top.x, top.y), max(top.z, top.w));
    workgroupBarrier();
    if (lane % ${lanes}u == 0u) {
      var maximum = 0.0;
      for (var i = 0u; i < ${lanes}u; i++) { maximum = max(maximum, largest[lane + i]); }
      powers[mine] = powerOf(maximum);
      ${keepMaxima ? 'if (firstColumn == 0u && firstRow + mine < u.m) { maxima[firstRow + mine] = maximum; }' : ''}
    }
    workgroupBarrier();
  }`;
}

/** Finds the power of a part of the sum. */
export const findPartPower = (size: number) => `
  {
    var maximum = 0.0;
    for (var i = begin + lane; i < last; i += SIZE) { maximum = max(maximum, maxima[i]); }
    largest[lane] = maximum;
    workgroupBarrier();
    for (var step = ${size / 2}u; step > 0u; step /= 2u) {
      if (lane < step) { largest[lane] = max(largest[lane], largest[lane + step]); }
      workgroupBarrier();
    }
    power = powerOf(largest[0]);
    workgroupBarrier();
  }`;

/** Divides four sums `v` of `row` by the power that their gradient was multiplied by. */
export const divideByPower = (gradient: 'a' | 'b') =>
  gradient === 'a' ? 'v /= powers[row - firstRow];' : 'v /= power;';
