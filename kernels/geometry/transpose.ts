/** What a permutation of the axes of a tensor moves: y[i] = x[i with its axes in another order]. */

/** An axis of a transpose, and how many elements its steps are apart in x and in y. */
export interface MovedAxis {
  size: number;
  from: number;
  to: number;
}

/** The axes that are left once those of size 1 are dropped and neighbours joined, in the order of y. */
export function movedAxes(shape: readonly number[], perm: readonly number[]): MovedAxis[] {
  const strides: number[] = [];
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  const axes: MovedAxis[] = [];
  for (const axis of perm) {
    const size = shape[axis]!;
    if (size === 1) continue;
    const last = axes.at(-1);
    if (last && last.from === size * strides[axis]!) {
      last.size *= size;
      last.from = strides[axis]!;
    } else {
      axes.push({size, from: strides[axis]!, to: 0});
    }
  }
  let stride = 1;
  for (const axis of [...axes].reverse()) {
    axis.to = stride;
    stride *= axis.size;
  }
  return axes;
}

/**
 * The transpose as one of matrices, x [matrices, rows, columns] to y [matrices, columns, rows].
 *
 * @returns undefined where it is none.
 */
export function movedMatrices(
  axes: readonly MovedAxis[],
): {matrices: number; rows: number; columns: number} | undefined {
  const [columns, rows] = axes.slice(-2);
  const [outer] = axes.slice(0, -2);
  if (!rows || columns.from !== 1 || rows.from !== columns.size || axes.length > 3) return undefined;
  if (outer && outer.from !== rows.size * columns.size) return undefined;
  return {matrices: outer?.size ?? 1, rows: rows.size, columns: columns.size};
}
