/** Convolutions without terms, which TensorFlow refuses: of no channels, the result is the activation of the bias. */
import * as tf from '@tensorflow/tfjs-core';
import type {NativeBackend} from '../runtime/native.js';

interface Attributes {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dataFormat: 'NHWC' | 'NCHW';
  dilations: number | [number, number];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  activation?: tf.backend_util.Activation;
  leakyreluAlpha?: number;
}

interface Inputs {
  x: tf.Tensor4D;
  filter: tf.Tensor4D;
  bias?: tf.Tensor;
  preluActivationWeights?: tf.Tensor;
}

/** What applies activations in tfjs-node's backend. */
interface Activating {
  applyActivation(x: tf.Tensor, activation: string, prelu?: tf.Tensor, alpha?: number): tf.Tensor;
}

/** Conv2D and FusedConv2D. Nothing where there are terms. */
export function conv2D(
  backend: NativeBackend,
  {x, filter, bias, preluActivationWeights}: Inputs,
  {strides, pad, dataFormat, dilations, dimRoundingMode, activation, leakyreluAlpha}: Attributes,
): tf.TensorInfo | undefined {
  if (tf.util.sizeFromShape(filter.shape.slice(0, 3)) > 0) return undefined;
  const format = tf.backend_util.convertConv2DDataFormat(dataFormat);
  const {outShape} = tf.backend_util.computeConv2DInfo(
    ...([x.shape, filter.shape, strides, dilations, pad] as const),
    ...([dimRoundingMode, false, format] as const),
  );
  return tf.tidy(() => {
    let y: tf.Tensor = tf.zeros(outShape);
    if (bias) y = tf.add(y, dataFormat === 'NCHW' ? tf.reshape(bias, [-1, 1, 1]) : bias);
    if (!activation || activation === 'linear') return y;
    const {applyActivation} = backend as unknown as Activating;
    return applyActivation.call(backend, y, activation, preluActivationWeights, leakyreluAlpha);
  });
}
