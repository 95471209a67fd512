/** What reads from the webgpu backend leave behind: nothing. */

import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import type * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {guardBackend} from '../../../src/backends/webgpu_device.js';

describe('reads from a guarded webgpu backend', () => {
  it('keep nothing of what was read while the device lives', async () => {
    const stock = {
      recordAndSubmit: () => undefined,
      uploadToGPU: () => undefined,
      read: async () => new Float32Array(1000),
      readSync: () => new Float32Array(1000),
    };
    const device = {addEventListener: () => undefined, lost: new Promise(() => undefined)};
    const backend = guardBackend(stock as unknown as tf.KernelBackend, device as unknown as GPUDevice);
    const values: WeakRef<object>[] = [];
    for (let i = 0; i < 10; i++) values.push(new WeakRef(await backend.read({})));
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    // The last one may still be in a register.
    expect(values.filter((one) => one.deref() !== undefined).length).to.be.at.most(1);
    // The device lives as long as this: what it holds would be alive too.
    expect(device.lost).to.be.a('promise');
  });
});
