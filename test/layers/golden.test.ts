import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {NdArray} from '../../kernels/reference/array.js';
import {patchMerging, swinBlock} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectRelativeClose} from '../helpers/compare.js';
import {goldenFiles, readGolden} from '../helpers/golden.js';

/** Relative L2 error allowed against torchvision, for outputs and every gradient. */
const TOLERANCE = 1e-4;

/** How one of our weights is made from torchvision's tensors; also turns torchvision's gradients into ours. */
function fromTorchvision(name: string, of: (key: string) => NdArray): NdArray {
  const transposed = ({shape: [rows, columns], data}: NdArray): NdArray => ({
    shape: [columns, rows],
    data: data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]),
  });
  const third = ({shape, data}: NdArray, part: number): NdArray => {
    const length = shape[0] / 3;
    return {shape: [length], data: data.slice(part * length, (part + 1) * length)};
  };
  if (name === 'attn.q_bias') return third(of('attn.qkv.bias'), 0);
  if (name === 'attn.v_bias') return third(of('attn.qkv.bias'), 2);
  const tensor = of(name.replace('mlp.fc1', 'mlp.0').replace('mlp.fc2', 'mlp.3'));
  const isKernel = name.endsWith('weight') && !name.includes('norm');
  return isKernel ? transposed(tensor) : tensor;
}

function toTensor({shape, data}: NdArray): tf.Tensor {
  return tf.tensor(new Float32Array(data), [...shape]);
}

/** Runs a layer on a golden file's input with its weights, and compares the result and every gradient. */
async function compare(layer: tf.layers.Layer, tensors: Record<string, NdArray>): Promise<void> {
  const x = toTensor(tensors.input);
  const cotangent = toTensor(tensors.cotangent);
  tf.dispose(layer.apply(x) as tf.Tensor); // builds it
  const names = layer.weights.map(({originalName}) => originalName.slice(layer.name.length + 1));
  const keysUsed = new Set<string>();
  const values = names.map((name) =>
    toTensor(
      fromTorchvision(name, (key) => {
        keysUsed.add(key);
        return tensors[`param.${key}`];
      }),
    ),
  );
  layer.setWeights(values);
  const all = Object.keys(tensors).filter((key) => key.startsWith('param.'));
  expect(keysUsed.size, 'every parameter of torchvision has a place').to.equal(all.length);

  const y = layer.apply(x) as tf.Tensor;
  expectRelativeClose('output', await y.data(), tensors.output.data, TOLERANCE);

  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const input = tf.variable(x);
  const {grads} = tf.variableGrads(
    () => tf.sum(tf.mul(layer.apply(input) as tf.Tensor, cotangent)) as tf.Scalar,
    [input, ...variables],
  );
  expectRelativeClose('dinput', await grads[input.name].data(), tensors['grad.input'].data, TOLERANCE);
  for (const [i, name] of names.entries()) {
    const expected = fromTorchvision(name, (key) => tensors[`grad.${key}`]);
    const actual = await grads[variables[i].name].data();
    expectRelativeClose(`d${name}`, actual, expected.data, TOLERANCE);
  }
  tf.dispose([x, cotangent, values, y, grads, input]);
  layer.dispose();
}

describe('layers against torchvision', () => {
  eachBackend(() => {
    for (const file of goldenFiles('block')) {
      it(file, async () => {
        const {config, tensors} = readGolden(file);
        const {heads, window, shift, version} = config as {
          heads: number;
          window: [number, number];
          shift: [number, number];
          version: 'v1' | 'v2';
        };
        const layer = swinBlock({
          numHeads: heads,
          windowSize: window,
          shifted: shift[0] > 0,
          variant: version,
          padding: 'attended',
          dataFormat: 'channelsLast',
        });
        await compare(layer, tensors);
      });
    }
    for (const file of goldenFiles('merging')) {
      it(file, async () => {
        const {config, tensors} = readGolden(file);
        const norm = config.version === 'v1' ? 'pre' : 'post';
        await compare(patchMerging({norm, dataFormat: 'channelsLast'}), tensors);
      });
    }
  });
});
