/** Slice, SplitV and Transpose on wasm: every element is where the cpu backend puts it. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {eachBackend} from '../../../helpers/backends.js';
import {eachKernelChoice, expectNoLeak, expectSameInNewHeaps} from './kernel_choices.js';

type Numeric = 'float32' | 'int32' | 'bool';

/** Elements that are all different, or as different as booleans can be. */
function numbered(shape: number[], dtype: Numeric): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Array.from({length: size}, (_, k) => (dtype === 'bool' ? ((k * 7) % 5) % 2 : k));
  return tf.tensor(values, shape, dtype);
}

/** Fails unless `compute` gives exactly the same on wasm and on cpu. */
async function expectIdentical(compute: () => tf.Tensor | tf.Tensor[]): Promise<void> {
  const outcome = () =>
    tf.tidy(() =>
      [compute()].flat().map((y) => ({shape: y.shape, dtype: y.dtype, values: Array.from(y.dataSync())})),
    );
  const actual = outcome();
  await tf.setBackend('cpu');
  expect(actual).to.deep.equal(outcome());
}

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    eachKernelChoice((choice) => {
      const random = seedrandom('slices and transposes');
      const int = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
      const shapeOf = (rank: number, most = 6) => Array.from({length: rank}, () => int(1, most));

      for (let k = 0; k < 60; k++) {
        const dtype = (['float32', 'int32', 'bool'] as const)[k % 3]!;
        const shape = shapeOf(1 + (k % 6));
        if (k % 4 === 0) {
          shape[shape.length - 1] = int(40, 120);
        }
        const begin = shape.map((size) => int(0, size - 1));
        const size = shape.map((all, axis) => int(1, all - begin[axis]!));
        for (let axis = shape.length - 1; axis > int(0, shape.length); axis--) {
          begin[axis] = 0;
          size[axis] = shape[axis]!;
        }
        it(`slice ${dtype} [${shape}] from [${begin}], [${size}]`, () =>
          expectIdentical(() => tf.slice(numbered(shape, dtype), begin, size)));

        const axis = k % shape.length;
        const first = int(0, shape[axis]!);
        const parts = [first, shape[axis]! - first].filter((part) => part > 0);
        it(`split ${dtype} [${shape}] along ${axis} into [${parts}]`, () =>
          expectIdentical(() => tf.split(numbered(shape, dtype), parts, axis)));

        const perm = shape.map((_, i) => i).sort(() => random() - 0.5);
        it(`transpose ${dtype} [${shape}] by [${perm}]`, () =>
          expectIdentical(() => tf.transpose(numbered(shape, dtype), perm)));
      }

      for (const [shape, perm] of [
        [
          [200, 70],
          [1, 0],
        ],
        [
          [70, 200],
          [1, 0],
        ],
        [
          [130, 130],
          [1, 0],
        ],
        [
          [1, 90, 1, 8],
          [3, 0, 2, 1],
        ],
        [
          [90, 1, 8],
          [1, 2, 0],
        ],
        [
          [90, 1, 8],
          [1, 0, 2],
        ],
        [
          [5, 6, 3, 4],
          [0, 2, 1, 3],
        ],
        // Rows, long and short, in several units.
        [
          [3, 70, 5, 300],
          [1, 2, 0, 3],
        ],
        [
          [2, 3, 4, 5, 6, 2],
          [4, 3, 2, 1, 0, 5],
        ],
        // Matrices with more than one tile, wide, high and of all six axes.
        [
          [7, 67, 131],
          [0, 2, 1],
        ],
        [
          [3, 500],
          [1, 0],
        ],
        [
          [5, 67, 3, 70],
          [3, 2, 1, 0],
        ],
        [
          [2, 3, 4, 5, 6, 7],
          [5, 4, 3, 2, 1, 0],
        ],
        [
          [2, 3, 4, 5, 6, 7],
          [1, 5, 0, 3, 2, 4],
        ],
        // Nothing moves.
        [
          [1, 6, 1, 4],
          [1, 0, 3, 2],
        ],
        [
          [6, 4],
          [0, 1],
        ],
      ] as const) {
        for (const dtype of ['float32', 'int32', 'bool'] as const) {
          it(`transpose ${dtype} [${shape}] by [${perm}]`, () =>
            expectIdentical(() => tf.transpose(numbered([...shape], dtype), [...perm])));
        }
      }

      it('gradients go through', () =>
        expectIdentical(() => {
          const loss = (x: tf.Tensor) => {
            const [a, b] = tf.split(tf.transpose(tf.slice(x, [1, 0], [8, 5])), 2, 1);
            return tf.sum(tf.mul(tf.sub(a!, b!), tf.reshape(tf.range(0, 20), [5, 4])));
          };
          return tf.grad(loss)(numbered([10, 6], 'float32'));
        }));

      it('strings', () =>
        expectIdentical(() => {
          const x = tf.tensor2d(['a', 'b', 'c', 'd', 'e', 'f'], [2, 3]);
          return [tf.slice(x, [0, 1], [2, 2]), tf.slice(x, [1, 0], [1, 3])];
        }));

      for (const [shape, begin, size] of [
        [
          [300, 1000],
          [7, 100],
          [290, 500],
        ],
        [
          [3000, 9],
          [0, 2],
          [3000, 3],
        ],
        [
          [4, 5, 6],
          [0, 0, 0],
          [4, 5, 6],
        ],
        [
          [3, 4, 5, 6, 7, 8],
          [1, 1, 1, 1, 1, 1],
          [2, 3, 4, 5, 6, 7],
        ],
      ]) {
        for (const dtype of ['float32', 'bool'] as const) {
          it(`slice ${dtype} [${shape}] from [${begin}], [${size}]`, () =>
            expectIdentical(() => tf.slice(numbered(shape!, dtype), begin!, size)));
        }
      }

      it('a slice of everything lives on when its source is gone', () => {
        const x = numbered([2, 3], 'float32');
        const y = tf.slice(x, [0, 0], [2, 3]);
        const z = tf.transpose(x, [0, 1]);
        x.dispose();
        expect(Array.from(y.dataSync())).to.deep.equal([0, 1, 2, 3, 4, 5]);
        expect(Array.from(z.dataSync())).to.deep.equal([0, 1, 2, 3, 4, 5]);
        tf.dispose([y, z]);
      });

      it('empty slices', () => expectIdentical(() => tf.slice(numbered([4, 5], 'float32'), [1, 2], [0, 3])));

      it('NaN and infinities pass through', () => {
        const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, 2, 3];
        return expectIdentical(() => {
          const x = tf.tensor2d(values, [3, 2]);
          return [tf.transpose(x), tf.slice(x, [0, 0], [3, 1]), ...tf.split(x, 2, 1)];
        });
      });

      it('leaves nothing behind but its results', () => {
        const x = numbered([30, 20], 'float32');
        expectNoLeak(() => tf.transpose(x));
        expectNoLeak(() => tf.slice(x, [1, 1], [4, 5]));
        expectNoLeak(() => tf.split(x, 4, 1));
        x.dispose();
      });

      if (choice === 'swint') {
        for (const [name, compute] of [
          ['slice', (x: tf.Tensor) => tf.slice(x, [1, 1], [4, 5])],
          ['split', (x: tf.Tensor) => tf.split(x, 2, 1)[1]!],
          ['transpose', (x: tf.Tensor) => tf.transpose(x)],
        ] as const) {
          it(`survives a new heap: ${name}`, () =>
            tf.tidy(() => {
              const x = numbered([30, 20], 'float32');
              const expected = compute(x).dataSync();
              expectSameInNewHeaps(() => compute(x), expected);
            }));
        }
      }
    });
  },
  {only: ['wasm']},
);
