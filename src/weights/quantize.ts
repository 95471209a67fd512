/**
 * Weights in fewer bits, and in files of limited size, as tfjs's converter writes them; `tf.loadLayersModel` and `loadModel`
 * read them as float32.
 *
 *     float16          the nearest one, ties to even
 *     uint8, uint16    q = round((value - min) / scale), read as min + scale q, for each weight on its own:
 *                      scale = (max - min) / (2^bits - 1), min moved so that 0 stays exactly 0
 *
 * A weight that the format cannot hold stays float32: one with a value that is not finite or, for float16, above 65504.
 * Whole numbers and booleans stay as they are.
 *
 * Source: tensorflow/tfjs, tfjs-converter/python/tensorflowjs/quantization.py and write_weights.py.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {CheckpointError} from '../errors.js';
import {toHalf} from './dtypes.js';

export const QUANTIZATIONS = ['float16', 'uint16', 'uint8'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

/** A weight as it is written. */
interface Encoded {
  spec: tf.io.WeightsManifestEntry;
  bytes: Uint8Array;
}

/**
 * The weights of a model in fewer bits.
 *
 * @param specs what the weights are, as `model.save` gives it.
 * @param data their bytes, one after the other.
 */
export function quantizeWeights(
  specs: readonly tf.io.WeightsManifestEntry[],
  data: ArrayBuffer,
  quantization: Quantization,
): {specs: tf.io.WeightsManifestEntry[]; data: Uint8Array} {
  const encoded: Encoded[] = [];
  let at = 0;
  for (const spec of specs) {
    const elements = spec.shape.reduce((product, extent) => product * extent, 1);
    const length = elements * (spec.dtype === 'bool' ? 1 : 4);
    if (!['float32', 'int32', 'bool'].includes(spec.dtype)) {
      throw new CheckpointError(
        `saveModel: weights must be float32, int32 or bool to be quantised; got ${spec.dtype} for ${spec.name}.`,
      );
    }
    const bytes = new Uint8Array(data, at, length);
    at += length;
    if (spec.dtype !== 'float32') encoded.push({spec, bytes});
    else encoded.push(encode(spec, new Float32Array(bytes.slice().buffer), quantization));
  }
  const joined = new Uint8Array(encoded.reduce((sum, {bytes}) => sum + bytes.length, 0));
  at = 0;
  for (const {bytes} of encoded) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return {specs: encoded.map(({spec}) => spec), data: joined};
}

function encode(spec: tf.io.WeightsManifestEntry, values: Float32Array, quantization: Quantization): Encoded {
  const asTheyAre = {spec, bytes: new Uint8Array(values.buffer)};
  if (!values.every(Number.isFinite)) return asTheyAre;
  if (quantization === 'float16') {
    const halves = toHalf(values);
    // 65520 and more round to infinity.
    if (!halves) return asTheyAre;
    return {spec: {...spec, quantization: {dtype: 'float16'}}, bytes: new Uint8Array(halves.buffer)};
  }
  const most = quantization === 'uint8' ? 255 : 65535;
  const {min, scale} = affineRange(values, most);
  const stored = quantization === 'uint8' ? new Uint8Array(values.length) : new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    stored[i] = Math.min(most, Math.max(0, Math.round((values[i] - min) / scale)));
  }
  return {
    spec: {...spec, quantization: {dtype: quantization, min, scale}},
    bytes: new Uint8Array(stored.buffer),
  };
}

/** Where the numbers 0 to `most` lie. */
function affineRange(values: Float32Array, most: number): {min: number; scale: number} {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  // No value, or one value everywhere: any scale does.
  if (!(max > min)) return {min: values.length > 0 ? min : 0, scale: 1};
  const scale = (max - min) / most;
  // A padding, a mask or a bias of 0 is to be 0 afterwards.
  if (min <= 0 && max >= 0) return {min: -Math.round(-min / scale) * scale, scale};
  return {min, scale};
}

/**
 * Files of at most so many bytes, as the converter names them; one that holds everything is `weights.bin`.
 *
 * @param shardBytes default no limit.
 */
export function shards(data: Uint8Array, shardBytes?: number): {name: string; bytes: Uint8Array}[] {
  const count = shardBytes === undefined ? 1 : Math.max(1, Math.ceil(data.length / shardBytes));
  if (count === 1) return [{name: 'weights.bin', bytes: data}];
  return Array.from({length: count}, (_, i) => ({
    name: `group1-shard${i + 1}of${count}.bin`,
    bytes: data.subarray(i * shardBytes!, (i + 1) * shardBytes!),
  }));
}

/** Whether a file is one that `shards` names. */
export const isShard = (name: string) => /^(weights|group\d+-shard\d+of\d+)\.bin$/.test(name);
