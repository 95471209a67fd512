/** Plain float64 arrays with a shape: what the references compute on. For tests only. */

export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Number of cells of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** An array of zeros. */
export function zeros(shape: readonly number[]): NdArray {
  return {shape, data: new Float64Array(sizeOf(shape))};
}

/** A copy of the values as float64. */
export function ndArray(shape: readonly number[], values: ArrayLike<number>): NdArray {
  if (values.length !== sizeOf(shape)) {
    throw new RangeError(
      `ndArray: [${shape.join(', ')}] needs ${sizeOf(shape)} values; got ${values.length}`,
    );
  }
  return {shape, data: Float64Array.from(values)};
}
