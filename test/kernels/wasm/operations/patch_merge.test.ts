/** patchMerge and its gradient on wasm: every cell is where the cpu backend puts it. */

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {patchMerge} from '../../../../kernels/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectNoLeak} from '../tfjs/kernel_choices.js';

const shapes: Array<[number, number, number, number]> = [
  [1, 1, 1, 1],
  [2, 3, 5, 7],
  [1, 7, 2, 4],
  [2, 8, 9, 33],
  [3, 1, 6, 5],
  [3, 6, 1, 5],
  [1, 4, 4, 300],
  // Several units.
  [5, 57, 55, 13],
];

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    for (const shape of shapes) {
      it(`[${shape}]`, async () => {
        const outcome = () =>
          tf.tidy(() => {
            const size = shape.reduce((a, b) => a * b, 1);
            const x = tf.reshape(tf.range(0, size), shape) as tf.Tensor4D;
            const run = (given: tf.Tensor) => patchMerge({x: given as tf.Tensor4D});
            const y = run(x);
            const dx = tf.grad(run)(x, tf.reshape(tf.range(1, y.size + 1), y.shape));
            return [y, dx].map((tensor) => ({
              shape: tensor.shape,
              values: Array.from(tensor.dataSync()),
            }));
          });
        expect(tf.getKernel('SwintPatchMerge', 'wasm')).to.not.equal(undefined);
        expect(tf.getKernel('SwintPatchMergeGrad', 'wasm')).to.not.equal(undefined);
        const actual = outcome();
        await tf.setBackend('cpu');
        expect(actual).to.deep.equal(outcome());
      });
    }

    it('NaN and infinities pass through, and padding is 0', () => {
      tf.tidy(() => {
        const x = tf.tensor4d([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [1, 1, 3, 1]);
        expect(Array.from(patchMerge({x}).dataSync())).to.deep.equal([
          Number.NaN,
          0,
          Number.POSITIVE_INFINITY,
          0,
          Number.NEGATIVE_INFINITY,
          0,
          0,
          0,
        ]);
      });
    });

    it('nothing of something', () =>
      tf.tidy(() => {
        expect(patchMerge({x: tf.zeros([0, 4, 4, 2])}).shape).to.deep.equal([0, 2, 2, 8]);
      }));

    it('leaves nothing behind', () => {
      const x = tf.ones([2, 5, 4, 3]) as tf.Tensor4D;
      expectNoLeak(() => patchMerge({x}));
      expectNoLeak(() => tf.tidy(() => tf.grad((given) => patchMerge({x: given as tf.Tensor4D}))(x)));
      x.dispose();
    });
  },
  {only: ['wasm']},
);
