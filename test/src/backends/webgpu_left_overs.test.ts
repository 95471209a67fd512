/** What the webgpu backend leaves behind: nothing. */

import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import type * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {guardBackend} from '../../../src/backends/webgpu_device.js';

/** A backend with a device, neither of which computes anything. */
function guarded() {
  const destroyed: string[] = [];
  const stock = {
    bufferManager: {acquireBuffer: () => undefined, releaseBuffer: () => undefined},
    recordAndSubmit: () => undefined,
    uploadToGPU: () => undefined,
    read: async () => new Float32Array(1000),
    readSync: () => new Float32Array(1000),
    dispose: () => destroyed.push('backend'),
  };
  const device = {
    limits: {},
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    lost: new Promise(() => undefined),
    destroy: () => destroyed.push('device'),
  };
  const backend = guardBackend(stock as unknown as tf.KernelBackend, device as unknown as GPUDevice);
  return {backend, device, destroyed};
}

describe('a guarded webgpu backend', () => {
  it('keeps nothing of what was read while the device lives', async () => {
    const {backend, device} = guarded();
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

  it('destroys its device when it is removed: what nothing refers to keeps its threads and its memory', () => {
    const {backend, destroyed} = guarded();
    backend.dispose();
    expect(destroyed).to.deep.equal(['backend', 'device']);
  });
});
