/**
 * The SIMD kernels on a thousand random shapes against the float64 references, result and every gradient: sizes that
 * divide by no tile, one of everything, windows larger than the map, heads of one channel. Operations are registered by
 * the first import.
 */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import '../../../../kernels/index.js';
import {layerNorm} from '../../../../kernels/operations/layer_norm.js';
import {linear} from '../../../../kernels/operations/linear.js';
import {patchMerge} from '../../../../kernels/operations/patch_merge.js';
import {windowAttention} from '../../../../kernels/operations/window_attention.js';
import type {NdArray} from '../../../../kernels/reference/array.js';
import {layerNormGradReference, layerNormReference} from '../../../../kernels/reference/layer_norm.js';
import {linearGradReference, linearReference} from '../../../../kernels/reference/linear.js';
import {patchMergeGradReference, patchMergeReference} from '../../../../kernels/reference/patch_merge.js';
import {
  windowAttentionGradReference,
  windowAttentionReference,
} from '../../../../kernels/reference/window_attention.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectAbsClose, expectRelativeClose} from '../../../helpers/compare.js';
import {randomArrays} from '../../../helpers/random.js';

type Arrays = Record<string, NdArray>;
type Random = ReturnType<typeof randomArrays>;

/** An operation at one random shape. */
interface Trial {
  what: string;
  inputs: Arrays;
  constants?: Arrays;
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor;
  forward: (arrays: Arrays) => NdArray;
  backward: (arrays: Arrays, dy: NdArray) => Arrays;
}

/** Whole numbers from `low` to `high`, small ones more often. */
type Pick = (low: number, high: number) => number;

function linearTrial(pick: Pick, random: Random): Trial {
  const shape = [pick(1, 4), pick(1, 40), pick(1, 90)];
  const units = pick(1, 90);
  const channels = shape[2];
  const activation = pick(0, 1) === 1 ? 'gelu' : 'none';
  const inputs: Arrays = {x: random(shape), weight: random([channels, units], channels ** -0.5)};
  if (pick(0, 1) === 1) inputs.bias = random([units]);
  if (pick(0, 1) === 1) inputs.residual = random([shape[0], shape[1], units]);
  const constants: Arrays = pick(0, 3) === 3 ? {sampleScale: random([shape[0]], 1, 1)} : {};
  return {
    what: `linear [${shape}] to ${units}, ${activation}, ${Object.keys({...inputs, ...constants})}`,
    inputs,
    constants,
    run: (tensors) => linear(tensors as never, {activation}),
    forward: (arrays) => linearReference(arrays as never, {activation}),
    backward: (arrays, dy) => linearGradReference(arrays as never, {activation}, dy),
  };
}

function layerNormTrial(pick: Pick, random: Random): Trial {
  // With fewer channels a row may be all but constant, and its gradient beyond float32 whatever the algorithm.
  const shape = [pick(1, 4), pick(1, 30), pick(6, 70)];
  const attrs = {epsilon: 1e-5};
  const inputs: Arrays = {x: random(shape), gamma: random([shape[2]], 0.3, 1), beta: random([shape[2]])};
  if (pick(0, 1) === 1) inputs.residual = random(shape);
  const constants: Arrays = pick(0, 1) === 1 ? {sampleScale: random([shape[0]], 1, 1)} : {};
  return {
    what: `layerNorm [${shape}], ${Object.keys({...inputs, ...constants})}`,
    inputs,
    constants,
    run: (tensors) => layerNorm(tensors as never, attrs),
    forward: (arrays) => layerNormReference(arrays as never, attrs),
    backward: (arrays, dy) => layerNormGradReference(arrays as never, attrs, dy),
  };
}

function patchMergeTrial(pick: Pick, random: Random): Trial {
  const shape = [pick(1, 3), pick(1, 12), pick(1, 12), pick(1, 20)];
  return {
    what: `patchMerge [${shape}]`,
    inputs: {x: random(shape)},
    run: ({x}) => patchMerge({x: x as tf.Tensor4D}),
    forward: ({x}) => patchMergeReference(x),
    backward: ({x}, dy) => ({x: patchMergeGradReference(x.shape, dy)}),
  };
}

function windowAttentionTrial(pick: Pick, random: Random): Trial {
  const numHeads = pick(1, 4);
  const score = pick(0, 1) === 1 ? 'cosine' : 'dot';
  // A vector of one number has no direction: its cosine has no gradient but rounding.
  const size = pick(score === 'cosine' ? 4 : 1, 20);
  const windowSize = [pick(1, 9), pick(1, 9)] as const;
  const shift = [pick(0, windowSize[0] - 1), pick(0, windowSize[1] - 1)] as const;
  const padding = pick(0, 1) === 1 ? 'attended' : 'masked';
  const shape = [pick(1, 3), pick(1, 12), pick(1, 12), 3 * numHeads * size];
  const inputs: Arrays = {
    qkv: random(shape),
    table: random([(2 * windowSize[0] - 1) * (2 * windowSize[1] - 1), numHeads]),
  };
  if (score === 'cosine') inputs.logitScale = random([numHeads], 0.3, 1);
  if (padding === 'attended' && pick(0, 1) === 1) inputs.padToken = random([3 * numHeads * size]);
  const attrs = {numHeads, windowSize, shift, padding, score, scale: size ** -0.5} as const;
  return {
    what: `windowAttention [${shape}], ${JSON.stringify(attrs)}, ${Object.keys(inputs)}`,
    inputs,
    run: (tensors) => windowAttention(tensors as never, attrs),
    forward: (arrays) => windowAttentionReference(arrays as never, attrs),
    backward: (arrays, dy) => windowAttentionGradReference(arrays as never, attrs, dy),
  };
}

const trials: Array<[string, number, (pick: Pick, random: Random) => Trial]> = [
  ['linear', 350, linearTrial],
  ['layerNorm', 150, layerNormTrial],
  ['patchMerge', 100, patchMergeTrial],
  ['windowAttention', 400, windowAttentionTrial],
];

const tensorsOf = (arrays: Arrays) =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, {shape, data}]) => [
      name,
      tf.tensor(new Float32Array(data), [...shape]),
    ]),
  );

async function check(
  {what, inputs, constants = {}, run, forward, backward}: Trial,
  dy: NdArray,
): Promise<void> {
  const names = Object.keys(inputs);
  const [tensors, fixed, {dy: cotangent}] = [inputs, constants, {dy}].map(tensorsOf);
  const y = tf.tidy(() => run({...tensors, ...fixed}));
  const arrays = {...inputs, ...constants};
  expectAbsClose(`${what}: y`, await y.data(), forward(arrays).data, 1e-5);
  const expected = backward(arrays, dy);
  const results = tf.tidy(() =>
    tf.grads((...given: tf.Tensor[]) =>
      run({...Object.fromEntries(names.map((name, i) => [name, given[i]])), ...fixed}),
    )(Object.values(tensors), cotangent),
  );
  // A sum of many terms that cancel is measured against what they would add up to with random signs.
  const floor = Math.max(1, Math.sqrt(dy.data.length) / 4);
  for (const [i, name] of names.entries()) {
    expect(results[i].shape, what).to.deep.equal([...inputs[name].shape]);
    expectRelativeClose(`${what}: d${name}`, await results[i].data(), expected[name].data, 1e-5, floor);
  }
  tf.dispose([y, cotangent, results, tensors, fixed]);
}

describe('SIMD kernels on random shapes', () => {
  eachBackend(
    () => {
      for (const [name, count, make] of trials) {
        it(`${name}, ${count} shapes`, async () => {
          const uniform = seedrandom.alea(name);
          const pick: Pick = (low, high) => low + Math.floor((high - low + 1) * uniform() ** 1.5);
          for (let i = 0; i < count; i++) {
            const trial = make(pick, randomArrays(`${name} ${i}`));
            const {shape} = trial.forward({...trial.inputs, ...trial.constants});
            await check(trial, randomArrays(`dy ${name} ${i}`)(shape));
          }
        });
      }
    },
    {only: ['wasm']},
  );
});
