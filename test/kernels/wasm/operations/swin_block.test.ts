/** swinBlock on wasm where it is cut: images a few at a time, rows of the MLP in chunks; and what it does not do. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {BackendError, kernelsInUse} from '../../../../kernels/index.js';
import type {NdArray} from '../../../../kernels/reference/array.js';
import {eachBackend} from '../../../helpers/backends.js';
import {type BlockCase, swinBlockCase} from '../../operations/cases.js';
import {checkOperation} from '../../operations/check.js';

const common = {
  numHeads: 2,
  headSize: 8,
  windowSize: [2, 2],
  shift: [1, 1],
  padding: 'masked',
  qkvBias: true,
} as const;
const wide = {...common, map: [2, 7, 10], hidden: 8320} as const;

const turns = {
  ...common,
  name: 'two turns of images',
  map: [2, 65, 64],
  hidden: 8,
  sampleScale: false,
} as const;
const chunks = {...wide, name: 'three chunks of the hidden layer', sampleScale: false};

const cases: [BlockCase, 'pre' | 'post'][] = [
  [turns, 'pre'],
  [turns, 'post'],
  [chunks, 'pre'],
  [chunks, 'post'],
  // The factor of a sample is part of the chunks where no norm follows them.
  [{...wide, name: 'chunks of the hidden layer with drop-path', sampleScale: true}, 'pre'],
];

/** Leaves every 64th row of a weight, eight times as large: a sum of thousands of float32 terms is not what is tested. */
function thinOut({shape, data}: NdArray): void {
  for (const [i, value] of data.entries()) data[i] = Math.floor(i / shape[1]) % 64 === 0 ? 8 * value : 0;
}

describe('swinBlock in one wasm kernel', () => {
  eachBackend(
    () => {
      for (const [one, norm] of cases) {
        const {inputs, constants, ...rest} = swinBlockCase(one, norm, 'dot');
        if (one.hidden > 64) thinOut(inputs.fc2Weight);
        // As constants: the kernel has no gradient.
        const forward = {...rest, inputs: {}, constants: {...inputs, ...constants}};
        it(rest.name, () => checkOperation(forward, {abs: 1e-5, l2: 1e-5, gradient: 0}));
      }

      it('is in use for the result alone', () => {
        const {operations} = kernelsInUse();
        expect([operations.SwintBlock, operations.SwintBlockGrad]).to.deep.equal(['wasm', 'composed']);
      });

      it('says that it saves nothing for a gradient', () => {
        const x = tf.zeros([1, 1, 1, 1]);
        const call = () => tf.engine().runKernel('SwintBlock', {x}, {save: true});
        expect(call).to.throw(BackendError, /SwintBlock: .* saves nothing for a gradient; got save true \(/);
        x.dispose();
      });
    },
    {only: ['wasm']},
  );
});
