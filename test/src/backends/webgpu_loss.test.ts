/**
 * Trainings on webgpu whose device is lost.
 *
 * `SWINT_KILLS=20 node test/run.mjs test/src/backends/webgpu_loss.test.ts` loses 20 devices in place of 3.
 */
import type * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {guardBackend, isLost} from '../../../src/backends/webgpu_device.js';
import {whyUnavailable} from '../../helpers/backends.js';
import {inFreshProcess, url} from '../../helpers/fresh_process.js';
import type {lostTrainings} from './lost_trainings.js';

const LOSSES = Number(process.env.SWINT_KILLS ?? 3);

async function needsWebGPU(context: Mocha.Context): Promise<void> {
  const reason = await whyUnavailable('webgpu');
  if (reason === undefined) return;
  if (process.env.CI === 'true') throw new Error(`webgpu must be present in CI; it is not: ${reason}`);
  console.log(`      skipped: ${reason}`);
  context.skip();
}

describe('a lost webgpu device', () => {
  it(`at ${LOSSES} random moments of a training: an error, and a new device goes on to the same weights`, async function () {
    await needsWebGPU(this);
    const {told, ended, stderr} = inFreshProcess(`
      const {lostTrainings} = await import(${JSON.stringify(url('test/src/backends/lost_trainings.ts'))});
      tell(await lostTrainings(${LOSSES}));
      process.exit(0);`);
    expect(ended, stderr).to.equal(true);
    expect(told, stderr).to.have.length(1);
    const {repeats, lives, equal}: Awaited<ReturnType<typeof lostTrainings>> = told[0];
    const lost = lives.filter((life) => life.lost);
    expect(lost.length).to.be.at.least(LOSSES);
    for (const {moment, error, stepsAfter, callsAfter, tensors} of lost) {
      expect(error, moment).to.match(/^BackendError: webgpu: the GPU device must stay; .*setupBackend/);
      // The step that was done when the device went may be told after it; nothing is computed once the loss is known.
      expect(stepsAfter, moment).to.be.at.most(1);
      expect(callsAfter, moment).to.equal(0);
      expect(tensors, moment).to.equal(0);
    }
    expect(equal).to.have.length.at.least(1);
    if (repeats) expect(equal).to.satisfy((all: boolean[]) => all.every(Boolean));
    else console.log('      the driver does not repeat its own results: the weights were not compared');
  });

  it('that the driver takes away ends what waits for it and all that comes after', async () => {
    let lose = (_: {reason: string; message: string}) => {};
    const device = {
      limits: {},
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
      lost: new Promise((resolve) => {
        lose = resolve;
      }),
    };
    const stock = {
      bufferManager: {acquireBuffer: () => undefined, releaseBuffer: () => undefined},
      recordAndSubmit: () => undefined,
      uploadToGPU: () => undefined,
      // As a browser whose GPU process is gone may do.
      read: () => new Promise(() => undefined),
      readSync: () => new Float32Array(1),
    };
    const backend = guardBackend(stock as unknown as tf.KernelBackend, device as unknown as GPUDevice);
    const failure = (call: () => unknown) =>
      Promise.resolve()
        .then(call)
        .then(
          () => 'none',
          (error) => `${error.name}: ${error.message}`,
        );
    const waiting = [failure(() => backend.read({})), failure(() => backend.read({}))];
    lose({reason: 'unknown', message: 'VK_ERROR_DEVICE_LOST'});
    const calls = ['read', 'readSync', 'recordAndSubmit', 'uploadToGPU'] as const;
    const guarded = backend as unknown as Record<string, (dataId: object) => unknown>;
    const messages = await Promise.all(waiting);
    for (const name of calls) messages.push(await failure(() => guarded[name]({})));
    for (const message of messages) {
      expect(message).to.match(
        /^BackendError: webgpu: .*lost \(unknown: VK_ERROR_DEVICE_LOST\).*setupBackend/,
      );
    }
    expect(isLost(backend)).to.equal(true);
  });
});
