/** BatchMatMul on wasm against the cpu backend, and where that one is wrong too, against tiled factors. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {eachBackend} from '../../../helpers/backends.js';
import {expectClose, expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {eachKernelChoice, expectNoLeak, expectSameInNewHeaps} from './kernel_choices.js';

/** Both factors of a product as they lie in memory, from the sizes of the product. */
function factors(
  batchA: number[],
  batchB: number[],
  [m, k, n]: readonly [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
): [tf.Tensor, tf.Tensor] {
  return [
    uniform([...batchA, ...(transposeA ? [k, m] : [m, k])] as [number, number], 1),
    uniform([...batchB, ...(transposeB ? [n, k] : [k, n])] as [number, number], 2),
  ];
}

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

/** Tiles and panels that are full and that are not; few rows; several blocks of rows, of columns and of terms. */
const sizes: Array<[number, number, number]> = [
  [1, 1, 1],
  [4, 4, 4],
  [16, 16, 16],
  [5, 3, 7],
  [3, 9, 2],
  [1, 40, 6],
  [6, 1, 5],
  [20, 25, 20],
  [49, 32, 49],
  [23, 40, 31],
  [8, 300, 9],
  [2, 9, 1030],
  [3, 700, 21],
  [300, 5, 17],
  [13, 1100, 21],
  [270, 40, 210],
];

/** Batches of the two factors that every backend broadcasts right. */
const batches: Array<[number[], number[]]> = [
  [[], []],
  [[1], [1]],
  [[3], [3]],
  [[3], [1]],
  [[1], [3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], []],
  [[], [2, 3]],
];

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    eachKernelChoice((choice) => {
      for (const [transposeA, transposeB] of transposes) {
        describe(`transposeA ${transposeA}, transposeB ${transposeB}`, () => {
          for (const [batchA, batchB] of batches) {
            for (const size of sizes) {
              it(`[${batchA}] x [${batchB}], M, K, N = ${size}`, () =>
                expectSameOnWasmAndCpu(() => {
                  const [a, b] = factors(batchA, batchB, size, transposeA, transposeB);
                  return tf.matMul(a, b, transposeA, transposeB);
                }));
            }
          }

          const random = seedrandom(`products ${transposeA} ${transposeB}`);
          const int = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
          for (let k = 0; k < 20; k++) {
            const batch = [int(1, 6)];
            const size = [int(1, 60), int(1, 60), int(1, 60)] as const;
            it(`random: [${batch}], M, K, N = ${size}`, () =>
              expectSameOnWasmAndCpu(() => {
                const [a, b] = factors(batch, batch, size, transposeA, transposeB);
                return tf.matMul(a, b, transposeA, transposeB);
              }));
          }

          it('a tall product: a gradient of weights', () =>
            expectSameOnWasmAndCpu(() => {
              const [a, b] = factors([], [], [12, 2000, 30], transposeA, transposeB);
              return tf.matMul(a, b, transposeA, transposeB);
            }));

          for (const size of [
            [2, 3, 2],
            [12, 30, 40],
          ] as const) {
            it(`passes on NaN and infinities, M, K, N = ${size}`, () => {
              const product = () => {
                const [a, b] = factors([2], [2], size, transposeA, transposeB);
                const marked = (x: tf.Tensor) => {
                  const values = x.dataSync().slice();
                  values[1] = Number.NaN;
                  values[values.length - 1] = Number.POSITIVE_INFINITY;
                  return tf.tensor(values, x.shape);
                };
                return tf.matMul(marked(a), b, transposeA, transposeB);
              };
              const kinds = (x: tf.Tensor) => Array.from(x.dataSync(), (v) => (Number.isFinite(v) ? 0 : v));
              const actual = tf.tidy(() => kinds(product()));
              return tf.setBackend('cpu').then(() => {
                expect(actual).to.deep.equal(tf.tidy(() => kinds(product())));
                expect(actual.filter(Number.isNaN)).to.not.have.lengthOf(0);
              });
            });
          }
        });
      }

      for (const size of [
        [4, 5, 6],
        [30, 20, 40],
      ] as const) {
        it(`leaves nothing behind but its result, M, K, N = ${size}`, () => {
          for (const [transposeA, transposeB] of transposes) {
            for (const batch of [[], [3]]) {
              const [a, b] = factors(batch, batch, size, transposeA, transposeB);
              expectNoLeak(() => tf.matMul(a, b, transposeA, transposeB));
              tf.dispose([a, b]);
            }
          }
        });
      }

      it('NaN and infinities go where they are needed', async () => {
        // Of sizes at which parts of panels and tiles are empty.
        for (const [m, k, n] of [
          [1, 7, 9],
          [5, 6, 11],
          [9, 515, 9],
        ] as const) {
          for (const [transposeA, transposeB] of transposes) {
            const outcome = () =>
              tf.tidy(() => {
                const values = Array.from({length: m * k}, (_, i) => Math.sin(i));
                values[0] = Number.NaN;
                values[m * k - 1] = Number.POSITIVE_INFINITY;
                const [a, b] = [tf.tensor2d(values, transposeA ? [k, m] : [m, k]), tf.ones([k, n])];
                const right = transposeB ? tf.transpose(b) : b;
                const y = tf.matMul(a, right as tf.Tensor2D, transposeA, transposeB);
                return Array.from(y.dataSync(), (x) => (Number.isFinite(x) ? 'finite' : String(x)));
              });
            await tf.setBackend('wasm');
            const actual = outcome();
            await tf.setBackend('cpu');
            expect(actual).to.deep.equal(outcome());
          }
        }
      });

      it('refuses int32 as ever', () => {
        expect(() => tf.tidy(() => tf.matMul(tf.ones([2, 2], 'int32'), tf.ones([2, 2], 'int32')))).to.throw(
          'non-float32',
        );
      });

      if (choice === 'tfjs') {
        return;
      }

      for (const [transposeA, transposeB] of transposes) {
        const label = `transposeA ${transposeA}, transposeB ${transposeB}`;

        for (const [batchA, batchB, batch] of [
          [
            [2, 1],
            [1, 3],
            [2, 3],
          ],
          [
            [2, 1, 2],
            [3, 1],
            [2, 3, 2],
          ],
          [[3], [2, 1], [2, 3]],
        ] as const) {
          for (const size of [
            [5, 4, 3],
            [30, 25, 20],
          ] as const) {
            it(`broadcasts [${batchA}] with [${batchB}], M, K, N = ${size}, ${label}`, () =>
              tf.tidy(() => {
                const [a, b] = factors([...batchA], [...batchB], size, transposeA, transposeB);
                const tiled = (x: tf.Tensor) =>
                  tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)] as number[] as [number]);
                const y = tf.matMul(a, b, transposeA, transposeB);
                expect(y.shape).to.deep.equal([...batch, size[0], size[2]]);
                expectClose(y.dataSync(), tf.matMul(tiled(a), tiled(b), transposeA, transposeB).dataSync());
              }));
          }
        }

        for (const [batch, size] of [
          [[], [0, 3, 4]],
          [[], [3, 0, 4]],
          [[], [3, 4, 0]],
          [[2], [3, 0, 4]],
          [[0], [3, 2, 4]],
        ] as Array<[number[], [number, number, number]]>) {
          it(`gives zeros for [${batch}], M, K, N = ${size}, ${label}`, () =>
            tf.tidy(() => {
              const y = tf.matMul(
                tf.zeros([...batch, ...(transposeA ? [size[1], size[0]] : [size[0], size[1]])]),
                tf.zeros([...batch, ...(transposeB ? [size[2], size[1]] : [size[1], size[2]])]),
                transposeA,
                transposeB,
              );
              expect(y.shape).to.deep.equal([...batch, size[0], size[2]]);
              expect(Array.from(y.dataSync())).to.deep.equal(new Array(y.size).fill(0));
            }));
        }
      }

      for (const [name, batch, size] of [
        ['one', [], [7, 50, 9]],
        ['several', [3], [7, 8, 9]],
      ] as Array<[string, number[], [number, number, number]]>) {
        it(`survives a new heap at every allocation: ${name}`, () =>
          tf.tidy(() => {
            const [a, b] = factors(batch, batch, size, true, false);
            const expected = tf.matMul(a, b, true, false).dataSync();
            expectSameInNewHeaps(() => tf.matMul(a, b, true, false), expected);
          }));
      }
    });
  },
  {only: ['wasm']},
);
