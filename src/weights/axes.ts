/**
 * The order of axes of a weight in a checkpoint and in a model.
 *
 *   form           in the file          here
 *   same           any                  the same
 *   matrix         [out, in]            [in, out]
 *   convolution    [out, in, h, w]      [h, w, in, out]
 *   pointwise      [out, in, 1, 1]      [in, out]
 *   unit           [out, in]            [1, 1, in, out]
 *   cells          [1, H W, C]          [1, H, W, C]
 */

export type Form = 'same' | 'matrix' | 'convolution' | 'pointwise' | 'unit' | 'cells';

/** A shape, and the values in the order that goes with it. */
interface Turned {
  shape: number[];
  turn: (values: Float32Array) => Float32Array;
}

const as = (shape: readonly number[]): Turned => ({shape: [...shape], turn: (values) => values});

const reordered = (shape: readonly number[], order: readonly number[]): Turned => ({
  shape: order.map((axis) => shape[axis]),
  turn: (values) => permuted(values, shape, order),
});

/**
 * A tensor of a checkpoint in the order of axes of the model.
 *
 * @param shape In the file. One that the form does not describe is left as it is, and will not fit the model.
 * @param model Shape of the weight in the model: how cells are laid out where it has as many. Others are a square.
 */
export function fromFile(form: Form, shape: readonly number[], model: readonly number[]): Turned {
  const rank = shape.length;
  if (form === 'matrix' && rank === 2) return reordered(shape, [1, 0]);
  if (form === 'convolution' && rank === 4) return reordered(shape, [2, 3, 1, 0]);
  if (form === 'pointwise' && rank === 4 && shape[2] === 1 && shape[3] === 1) {
    return reordered(shape.slice(0, 2), [1, 0]);
  }
  if (form === 'unit' && rank === 2) {
    const {shape: turned, turn} = reordered(shape, [1, 0]);
    return {shape: [1, 1, ...turned], turn};
  }
  if (form === 'cells' && rank === 3) {
    const [batch, cells, channels] = shape;
    const side = Math.sqrt(cells);
    if (model.length === 4 && model[1] * model[2] === cells) return as([batch, model[1], model[2], channels]);
    if (Number.isInteger(side)) return as([batch, side, side, channels]);
  }
  return as(shape);
}

/** A weight of the model in the order of axes of a checkpoint. */
export function toFile(form: Form, shape: readonly number[]): Turned {
  const [a, b, c, d] = shape;
  switch (form) {
    case 'matrix':
      return reordered(shape, [1, 0]);
    case 'convolution':
      return reordered(shape, [3, 2, 0, 1]);
    case 'pointwise':
      return {...reordered(shape, [1, 0]), shape: [b, a, 1, 1]};
    case 'unit':
      return reordered([c, d], [1, 0]);
    case 'cells':
      return as([a, b * c, d]);
    case 'same':
      return as(shape);
  }
}

/** A copy with its axes in another order. */
export function permuted(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return stridedCopy(
    values,
    order.map((axis) => shape[axis]),
    order.map((axis) => strides[axis]),
  );
}

/** The elements i stride0 + j stride1 + .. of `values`, for all [i, j, ..] within `sizes`, row-major. */
export function stridedCopy(
  values: Float32Array,
  sizes: readonly number[],
  strides: readonly number[],
): Float32Array {
  const result = new Float32Array(sizes.reduce((a, b) => a * b, 1));
  if (sizes.length === 0 && result.length === 1) result[0] = values[0];
  const last = sizes.length - 1;
  const index = sizes.map(() => 0);
  let at = 0;
  for (let i = 0; i < result.length && last >= 0; ) {
    for (let j = 0; j < sizes[last]; j++) result[i++] = values[at + j * strides[last]];
    let axis = last - 1;
    while (axis >= 0 && ++index[axis] === sizes[axis]) {
      at -= (sizes[axis] - 1) * strides[axis];
      index[axis--] = 0;
    }
    if (axis < 0) break;
    at += strides[axis];
  }
  return result;
}
