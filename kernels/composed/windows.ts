/**
 * Moves between a map and its windows with stock tfjs operations, all of rank 4 at most.
 *
 *   toWindows    [B, H, W, C]  to  [B nW, N, C]   (pad, shift, partition)
 *   fromWindows  [B nW, N, C]  to  [B, H', W', C] (reverse, shift back), H' and W' the padded size
 */
import * as tf from '@tensorflow/tfjs-core';
import {dispatch} from '../dispatch.js';
import {isPaddingCell, type Pair, type WindowGeometry} from '../geometry/windows.js';

/** Moves the first `cut` columns of a matrix behind the others. */
function rotateColumns(x: tf.Tensor2D, cut: number): tf.Tensor2D {
  const [rows, columns] = x.shape;
  return tf.concat([tf.slice(x, [0, cut], [rows, columns - cut]), tf.slice(x, [0, 0], [rows, cut])], 1);
}

/**
 * Cyclic shift: cell (i, j) of the result is cell (i + rows, j + columns) of x. As matrices [B, H W C] and [B H, W C],
 * so that tfjs copies rows as long as can be. A backend may register a kernel of ours for it: SwintRoll, with input x and
 * attributes rows and columns.
 */
function roll(x: tf.Tensor4D, [rows, columns]: Pair): tf.Tensor4D {
  if (rows === 0 && columns === 0) return x;
  return dispatch<[tf.Tensor4D]>('SwintRoll', {x}, {rows, columns}, () => [
    rollComposed(x, [rows, columns]),
  ])[0];
}

function rollComposed(x: tf.Tensor4D, [rows, columns]: Pair): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  let y: tf.Tensor = x;
  if (rows !== 0)
    y = rotateColumns(tf.reshape(y, [batch, height * width * channels]), rows * width * channels);
  if (columns !== 0) y = rotateColumns(tf.reshape(y, [batch * height, width * channels]), columns * channels);
  return tf.reshape(y, x.shape);
}

function isPadded({size, padded}: WindowGeometry): boolean {
  return padded[0] > size[0] || padded[1] > size[1];
}

/** 1 for each padded cell and 0 for each cell of the map, [H' W']. */
function paddingIndicator(geometry: WindowGeometry): tf.Tensor1D {
  const cells = Float32Array.from({length: geometry.padded[0] * geometry.padded[1]}, (_, cell) =>
    isPaddingCell(geometry, cell) ? 1 : 0,
  );
  return tf.tensor1d(cells);
}

/** The windows of a map; padded cells carry `padToken` [C], zeros where absent. */
export function toWindows(x: tf.Tensor4D, geometry: WindowGeometry, padToken?: tf.Tensor1D): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const {padded, shift, window, count, tokens} = geometry;
    let map = x;
    if (isPadded(geometry)) {
      map = tf.pad(x, [
        [0, 0],
        [0, padded[0] - height],
        [0, padded[1] - width],
        [0, 0],
      ]);
      if (padToken) {
        const added = tf.mul(tf.reshape(paddingIndicator(geometry), [-1, 1]), padToken);
        map = tf.add(map, tf.reshape(added, [...padded, channels]));
      }
    }
    map = roll(map, shift);
    if (count[1] > 1) {
      const rows = tf.reshape(map, [batch * count[0], window[0], count[1], window[1] * channels]);
      return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [-1, tokens, channels]);
    }
    return tf.reshape(map, [-1, tokens, channels]);
  });
}

/** The padded map that windows came from. */
export function fromWindows(windows: tf.Tensor, geometry: WindowGeometry, channels: number): tf.Tensor4D {
  return tf.tidy(() => {
    const {padded, shift, window, count} = geometry;
    let map: tf.Tensor = windows;
    if (count[1] > 1) {
      map = tf.reshape(map, [-1, count[1], window[0], window[1] * channels]);
      map = tf.transpose(map, [0, 2, 1, 3]);
    }
    const back = [(padded[0] - shift[0]) % padded[0], (padded[1] - shift[1]) % padded[1]] as const;
    return roll(tf.reshape(map, [-1, padded[0], padded[1], channels]), back);
  });
}

/** The cells of the map itself: [B, H', W', C] to [B, H, W, C]. */
export function cropPadding(map: tf.Tensor4D, geometry: WindowGeometry): tf.Tensor4D {
  if (!isPadded(geometry)) return map;
  const [batch, height, width, channels] = map.shape;
  const [rows, columns] = geometry.size;
  const lines = tf.reshape(map, [batch, height, width * channels]);
  return tf.reshape(tf.slice(lines, [0, 0, 0], [batch, rows, columns * channels]), [
    batch,
    rows,
    columns,
    channels,
  ]);
}

/** Sum over batch and padded cells: [B, H', W', C] to [C]. */
export function sumOverPadding(map: tf.Tensor4D, geometry: WindowGeometry): tf.Tensor1D {
  return tf.tidy(() => {
    const channels = map.shape[3];
    if (!isPadded(geometry)) return tf.zeros([channels]);
    const cells = tf.reshape(tf.sum(map, 0), [-1, channels]);
    return tf.reshape(tf.matMul(tf.reshape(paddingIndicator(geometry), [1, -1]), cells), [channels]);
  });
}
