/** Transpose on webgpu: every element is where the cpu backend puts it. */
import '../../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/webgpu/tfjs/replacements.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectNoLeak, expectSameOnCpu, outcomes} from '../against_cpu.js';
import {atCoreLimits} from '../core_limits.js';
import {programsOf} from '../runtime/programs.js';

type Numeric = 'float32' | 'int32' | 'bool';

/** Elements that are all different, or as different as booleans can be; and on the GPU. */
function numbered(shape: readonly number[], dtype: Numeric = 'float32'): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Array.from({length: size}, (_, k) => (dtype === 'bool' ? ((k * 7) % 5) % 2 : k));
  const made = tf.tensor(values, [...shape], dtype);
  (tf.backend() as {uploadToGPU?: (dataId: object) => void}).uploadToGPU?.(made.dataId);
  return made;
}

/** Shape, permutation, and whether it is a transpose of matrices that are worth tiles. */
const cases: [number[], number[], boolean][] = [
  [[200, 70], [1, 0], true],
  [[70, 201], [1, 0], true],
  [[32, 32], [1, 0], true],
  [[8, 33], [1, 0], true],
  // NCHW to NHWC and back, and what is the same as those.
  [[3, 16, 7, 9], [0, 2, 3, 1], true],
  [[3, 7, 9, 16], [0, 3, 1, 2], true],
  [[1, 16, 5, 5], [0, 2, 3, 1], true],
  [[2, 1, 40, 1, 37], [0, 4, 3, 1, 2], true],
  [[7, 67, 131], [0, 2, 1], true],
  [[5, 6, 8, 9], [2, 3, 0, 1], true],
  [[2, 2, 3, 3, 4, 5], [0, 1, 4, 5, 2, 3], true],
  // Few rows or columns, and other permutations.
  [[2, 3, 32, 32], [0, 2, 3, 1], false],
  [[300, 7], [1, 0], false],
  [[20, 30, 9], [1, 0, 2], false],
  [[9, 20, 30], [2, 1, 0], false],
  [[3, 10, 4, 11], [0, 3, 2, 1], false],
  [[3, 10, 11, 4], [0, 2, 1, 3], false],
];

eachBackend(
  () => {
    describe('transposes in kernels of this library', () => {
      before(() => replaceStockKernels());
      after(() => restoreStockKernels());

      for (const [shape, perm, tiles] of cases) {
        for (const dtype of ['float32', 'int32', 'bool'] as const) {
          // Other types are the stock kernel's to get right.
          if (dtype !== 'float32' && !tiles) continue;
          it(`${dtype} [${shape}] by [${perm}]`, async () => {
            const compute = () => tf.transpose(numbered(shape, dtype), perm);
            await expectSameOnCpu(() => [compute()], 0);
            const programs = programsOf(compute);
            if (tiles) expect(programs).to.deep.equal(['transpose']);
            else expect(programs).to.have.lengthOf(1).and.not.include('transpose');
          });
        }
      }

      it('shares the values where nothing moves', async () => {
        const x = numbered([1, 6, 1, 40]);
        expect(programsOf(() => tf.transpose(x, [1, 0, 3, 2]))).to.deep.equal([]);
        const y = tf.transpose(x, [1, 0, 3, 2]);
        x.dispose();
        expect(y.shape).to.deep.equal([6, 1, 40, 1]);
        expect(Array.from(await y.data())).to.deep.equal(Array.from({length: 240}, (_, i) => i));
        y.dispose();
      });

      it('passes on NaN and infinities', async () => {
        const [{values}] = await outcomes(() => [
          tf.transpose(
            tf.tensor2d(
              Array.from({length: 2048}, (_, i) => [Number.NaN, 1 / 0, -1 / 0][i % 3]),
              [64, 32],
            ),
          ),
        ]);
        expect([0, 1, 2, 64].map((i) => values[i])).to.deep.equal([Number.NaN, -1 / 0, 1 / 0, 1 / 0]);
      });

      it('leaves small tensors that are not on the GPU where they are', () => {
        const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
        expect(programsOf(() => tf.transpose(x))).to.deep.equal([]);
        x.dispose();
      });

      it('gradients go through', () =>
        expectSameOnCpu(() => [
          tf.grad((x) => tf.mul(tf.transpose(x, [0, 2, 3, 1]), numbered([2, 9, 10, 16])))(
            numbered([2, 16, 9, 10]),
          ),
        ]));

      it('computes at core limits, without any feature', () =>
        atCoreLimits(() => expectSameOnCpu(() => [tf.transpose(numbered([3, 70, 45]), [0, 2, 1])], 0)));

      it('leaves nothing on the GPU but its result', () =>
        expectNoLeak(() => [tf.transpose(numbered([3, 70, 45]), [0, 2, 1])]));
    });
  },
  {only: ['webgpu']},
);
