/** The activations that tfjs joins to a product, by number: 1 relu, 2 relu6. NaN gives NaN. */

const RELU6: i32 = 2;

// @ts-expect-error: decorator
@inline
export function activate(activation: i32, x: v128): v128 {
  // Comparisons and not minima: they let NaN pass.
  const zero = f32x4.splat(0);
  let y = v128.andnot(x, f32x4.lt(x, zero));
  if (activation == RELU6) {
    const six = f32x4.splat(6);
    y = v128.bitselect(six, y, f32x4.gt(y, six));
  }
  return y;
}
