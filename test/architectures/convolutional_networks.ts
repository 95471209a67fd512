/** Small networks of convolutions as people have them, for the tests of what replaces them. Weights are random. */
import * as tf from '@tensorflow/tfjs';
import {batchNormalization} from '../../layers/index.js';
import type {Symbolic} from '../../layers/tfjs_types.js';

/** The form of tfjs's MNIST example: no padding, activations inside the convolutions. conv2 sees 8 channels. */
export function mnist(): tf.Sequential {
  return tf.sequential({
    name: 'mnist',
    layers: [
      tf.layers.conv2d({
        name: 'conv1',
        filters: 8,
        kernelSize: 5,
        activation: 'relu',
        inputShape: [16, 16, 1],
      }),
      tf.layers.maxPooling2d({name: 'pool1', poolSize: 2, strides: 2}),
      tf.layers.conv2d({name: 'conv2', filters: 12, kernelSize: 3, activation: 'relu'}),
      tf.layers.flatten({name: 'flat'}),
      tf.layers.dense({name: 'dense', units: 3, activation: 'softmax'}),
    ],
  });
}

const convolve = (x: Symbolic, args: Parameters<typeof tf.layers.conv2d>[0]) =>
  tf.layers.conv2d({padding: 'same', useBias: false, ...args}).apply(x) as Symbolic;

const normalised = (x: Symbolic, name: string) =>
  tf.layers.batchNormalization({name: `${name}.bn`}).apply(x) as Symbolic;

const relu = (x: Symbolic, name: string) => tf.layers.reLU({name: `${name}.relu`}).apply(x) as Symbolic;

/** Two residual blocks, the second with a stride of 2 and a 1x1 convolution in its short cut. */
export function resNet(): tf.LayersModel {
  const image = tf.input({name: 'image', shape: [8, 8, 3]});
  let x = relu(normalised(convolve(image, {name: 'stem', filters: 8, kernelSize: 3}), 'stem'), 'stem');
  for (const [block, filters, strides] of [
    ['a', 8, 1],
    ['b', 16, 2],
  ] as const) {
    let y = convolve(x, {name: `${block}.conv1`, filters, kernelSize: 3, strides});
    y = relu(normalised(y, `${block}.1`), `${block}.1`);
    y = normalised(convolve(y, {name: `${block}.conv2`, filters, kernelSize: 3}), `${block}.2`);
    const short = strides === 1 ? x : convolve(x, {name: `${block}.short`, filters, kernelSize: 1, strides});
    x = relu(tf.layers.add({name: `${block}.add`}).apply([y, short]) as Symbolic, block);
  }
  const pooled = tf.layers.globalAveragePooling2d({name: 'pool', dataFormat: 'channelsLast'}).apply(x);
  const logits = tf.layers.dense({name: 'head', units: 3}).apply(pooled) as Symbolic;
  return tf.model({inputs: image, outputs: logits, name: 'res_net'});
}

/** Down, up, and a skip connection; sizes unknown. */
export function uNet(): tf.LayersModel {
  const image = tf.input({name: 'image', shape: [null, null, 3] as never});
  const top = convolve(image, {name: 'down1', filters: 8, kernelSize: 3, activation: 'relu'});
  let x = tf.layers.maxPooling2d({name: 'pool', poolSize: 2}).apply(top) as Symbolic;
  x = convolve(x, {name: 'bottom', filters: 16, kernelSize: 3, activation: 'relu'});
  x = tf.layers.upSampling2d({name: 'up', size: [2, 2]}).apply(x) as Symbolic;
  x = tf.layers.concatenate({name: 'concat'}).apply([x, top]) as Symbolic;
  x = convolve(x, {name: 'up1', filters: 8, kernelSize: 3, activation: 'relu'});
  const mask = convolve(x, {name: 'mask', filters: 1, kernelSize: 1, activation: 'sigmoid'});
  return tf.model({inputs: image, outputs: mask, name: 'u_net'});
}

/** Depthwise and separable convolutions, and one that enlarges. */
export function mobileNet(): tf.LayersModel {
  return tf.sequential({
    name: 'mobile_net',
    layers: [
      tf.layers.conv2d({name: 'stem', filters: 8, kernelSize: 3, strides: 2, inputShape: [16, 16, 3]}),
      tf.layers.depthwiseConv2d({name: 'depthwise', kernelSize: 3, padding: 'same'}),
      tf.layers.conv2d({name: 'pointwise', filters: 16, kernelSize: 1, activation: 'relu6'}),
      tf.layers.separableConv2d({name: 'separable', filters: 8, kernelSize: 3}),
      tf.layers.conv2dTranspose({name: 'transpose', filters: 4, kernelSize: 2, strides: 2}),
    ],
  });
}

/** [B, C, H, W] throughout, with the batch normalization that trains there. */
export function channelsFirst(): tf.LayersModel {
  const format = {dataFormat: 'channelsFirst', padding: 'same'} as const;
  return tf.sequential({
    name: 'channels_first',
    layers: [
      tf.layers.conv2d({name: 'conv1', filters: 8, kernelSize: 3, inputShape: [3, 10, 8], ...format}),
      batchNormalization({name: 'bn', axis: 1}),
      tf.layers.conv2d({name: 'conv2', filters: 8, kernelSize: 3, strides: 2, activation: 'elu', ...format}),
      tf.layers.conv2d({name: 'conv3', filters: 4, kernelSize: 3, ...format, padding: 'valid'}),
      tf.layers.flatten({name: 'flat'}),
      tf.layers.dense({name: 'head', units: 2}),
    ],
  });
}

/** A Sequential and a functional model inside, the first called on two inputs, and two outputs. */
export function nested(): tf.LayersModel {
  const encoder = tf.sequential({
    name: 'encoder',
    layers: [
      tf.layers.conv2d({name: 'conv1', filters: 8, kernelSize: 3, padding: 'same', inputShape: [8, 8, 8]}),
      tf.layers.conv2d({name: 'conv2', filters: 8, kernelSize: 4, activation: 'relu'}),
    ],
  });
  const map = tf.input({name: 'map', shape: [5, 5, 8]});
  const conv = convolve(map, {name: 'conv3', filters: 16, kernelSize: 3, activation: 'tanh'});
  const decoder = tf.model({inputs: map, outputs: conv, name: 'decoder'});
  const [left, right] = ['left', 'right'].map((name) => tf.input({name, shape: [8, 8, 8]}));
  const maps = [left, right].map((image) => encoder.apply(image) as Symbolic);
  const sum = tf.layers.add({name: 'sum'}).apply(maps) as Symbolic;
  const decoded = decoder.apply(sum) as Symbolic;
  return tf.model({inputs: [left, right], outputs: [decoded, sum], name: 'nested'});
}

/** One convolution called twice. */
export function shared(): tf.LayersModel {
  const image = tf.input({name: 'image', shape: [6, 6, 8]});
  const conv = tf.layers.conv2d({
    name: 'conv',
    filters: 8,
    kernelSize: 3,
    padding: 'same',
    activation: 'relu',
  });
  const once = conv.apply(image) as Symbolic;
  const pooled = tf.layers.maxPooling2d({name: 'pool', poolSize: 2}).apply(once) as Symbolic;
  return tf.model({inputs: image, outputs: conv.apply(pooled) as Symbolic, name: 'shared'});
}

/** A tensor for each input, unknown sizes taken as 12, the batch as 2. */
export function inputsFor(model: tf.LayersModel, seed = 1): tf.Tensor[] {
  return model.inputs.map(({shape}, i) =>
    tf.randomNormal(
      shape.map((size, axis) => size ?? (axis === 0 ? 2 : 12)),
      0,
      1,
      'float32',
      seed + i,
    ),
  );
}
