/** adamUpdate and sgdUpdate on webgpu: many variables in few dispatches, as the cpu backend computes them. */
import * as tf from '@tensorflow/tfjs';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {expect} from 'chai';
import {adamUpdate, sgdUpdate} from '../../../../kernels/index.js';
import {deviceOf} from '../../../../kernels/webgpu/runtime/program.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectNoLeak, expectSameOnCpu} from '../against_cpu.js';
import {atCoreLimits} from '../core_limits.js';
import {programsOf} from '../runtime/programs.js';

/** Shapes of variables: one number, none, whole workgroups, more, and more variables than one dispatch takes. */
const shapes = [[], [64], [3, 0], [65], [7, 19], [1], [4, 5, 6], [128], [2], [300], [33], [5], [9], [2, 2]];

const some = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

const variablesOf = (all: number[][], momentum: boolean) =>
  all.map((shape, i) => ({
    value: some(shape, 3 * i + 1),
    gradient: some(shape, 3 * i + 2),
    ...(momentum && {velocity: some(shape, 3 * i + 3)}),
  }));

const withMoments = (all: number[][]) =>
  variablesOf(all, false).map((one, i) => ({
    ...one,
    m: some(all[i], 50 + i),
    v: tf.abs(some(all[i], 90 + i)),
  }));

const decays = shapes.map((_, i) => 1 - i / 100);
const adam = {beta1: 0.8, beta2: 0.95, rate: 0.02, epsilon: 1e-3, decay: decays};
const sgd = (momentum: number, nesterov = false) => ({
  ...{learningRate: 0.3, momentum, nesterov},
  weightDecay: decays,
});

eachBackend(
  () => {
    describe('optimizer updates of many variables', () => {
      const updates: [string, () => tf.Tensor[]][] = [
        ['Adam', () => adamUpdate(withMoments(shapes), adam).flat()],
        ['SGD', () => sgdUpdate(variablesOf(shapes, false), sgd(0)).flat()],
        ['momentum', () => sgdUpdate(variablesOf(shapes, true), sgd(0.9)).flat()],
        ["Nesterov's momentum", () => sgdUpdate(variablesOf(shapes, true), sgd(0.9, true)).flat()],
      ];
      for (const [name, update] of updates) {
        it(`${name}: each with its own decay, as on cpu`, () => expectSameOnCpu(update, 1e-6));
        it(`${name}: at core limits`, () => atCoreLimits(() => expectSameOnCpu(update, 1e-6)));
      }

      it('are read anew where they were read before: the memory is written in place', async () => {
        const [one] = variablesOf([[7, 19]], false);
        // Computed on the GPU: tfjs keeps what is read of it beside it.
        const all = [{...one, velocity: tf.square(one.value)}];
        const before = (await all[0].velocity.data()).slice();
        const [[value, velocity]] = tf.tidy(() => sgdUpdate(all, {...sgd(0.9), weightDecay: [0]}));
        const gradient = await all[0].gradient.data();
        const after = await velocity.data();
        for (const [i, speed] of after.entries()) {
          expect(speed).to.be.closeTo(0.9 * before[i] + gradient[i], 1e-5);
        }
        tf.dispose([all as unknown as tf.TensorContainer, value, velocity]);
      });

      it('takes a dispatch for as many as the device has buffers for', () => {
        const {maxStorageBuffersPerShaderStage: buffers} = deviceOf(
          tf.backend() as unknown as WebGPUBackend,
        ).limits;
        const filled = shapes.filter((shape) => tf.util.sizeFromShape(shape) > 0);
        const given = withMoments(filled);
        const together = Math.min(5, Math.floor(buffers / 5));
        const names = programsOf(() => adamUpdate(given, {...adam, decay: decays.slice(1)}).flat());
        expect(names).to.have.lengthOf(Math.ceil(filled.length / together));
        tf.dispose(given);
      });

      it('leaves what shares its memory with m, v or velocity as it was', async () => {
        const [given] = withMoments([[70]]);
        const clones = [given.m, given.v].map((tensor) => tf.clone(tensor));
        const before = await Promise.all(clones.map((tensor) => tensor.data()));
        const results = adamUpdate([given], {...adam, decay: [1]})[0];
        const after = await Promise.all(clones.map((tensor) => tensor.data()));
        expect(after).to.deep.equal(before);
        expect(await results[1].data()).to.not.deep.equal(before[0]);
        const [moving] = variablesOf([[70]], true);
        const clone = tf.clone(moving.velocity as tf.Tensor);
        const speed = await clone.data();
        const moved = sgdUpdate([moving], {...sgd(0.9), weightDecay: [0]})[0];
        await moved[0].data();
        expect(await clone.data()).to.deep.equal(speed);
        tf.dispose([given, clones, results, moving, clone, moved]);
      });

      it('writes m and v in place where nothing shares their memory', async () => {
        const [given] = withMoments([[70]]);
        const [, m, v] = adamUpdate([given], {...adam, decay: [1]})[0];
        expect(m.dataId).to.equal(given.m.dataId);
        expect(v.dataId).to.equal(given.v.dataId);
      });

      it('leaves nothing behind', () =>
        expectNoLeak(() => {
          const given = withMoments([[70], [3]]);
          const results = adamUpdate(given, {...adam, decay: [1, 1]});
          tf.dispose(given);
          return results.flat();
        }));
    });
  },
  {only: ['webgpu']},
);
