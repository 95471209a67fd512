/** Runs checks on a device that has what every device has, and no feature. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {openDevice} from '../../../src/backends/webgpu_device.js';

/**
 * Makes tfjs's webgpu backend run on such a device.
 *
 * @returns puts back the backend that there was.
 */
export async function enterCoreLimits(): Promise<() => Promise<void>> {
  const adapter = (await navigator.gpu.requestAdapter()) as GPUAdapter;
  const device = await openDevice(adapter, true);
  expect(device.limits.maxStorageBuffersPerShaderStage).to.equal(8);
  expect(device.limits.maxComputeWorkgroupStorageSize).to.equal(16384);
  const {WebGPUBackend} = await import('@tensorflow/tfjs-backend-webgpu');
  // Under the same name, so that the kernels registered for it are found.
  const {registryFactory, registry} = tf.engine();
  const [factory, backend] = [registryFactory.webgpu, registry.webgpu];
  await tf.setBackend('cpu');
  delete registry.webgpu;
  registryFactory.webgpu = {factory: () => new WebGPUBackend(device, adapter.info), priority: 1};
  const leave = async () => {
    await tf.setBackend('cpu');
    registryFactory.webgpu = factory;
    registry.webgpu = backend;
    await tf.setBackend('webgpu');
  };
  try {
    await tf.setBackend('webgpu');
    expect((tf.backend() as unknown as {device: GPUDevice}).device).to.equal(device);
  } catch (error) {
    await leave();
    throw error;
  }
  return leave;
}

/** With such a backend while `check` runs. */
export async function atCoreLimits(check: () => Promise<void>): Promise<void> {
  const leave = await enterCoreLimits();
  try {
    await check();
  } finally {
    await leave();
  }
}
