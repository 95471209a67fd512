/**
 * Makes WebGPU available: the browser's own, or in Node that of the npm package `webgpu` (Dawn).
 */

import * as tf from '@tensorflow/tfjs-core';
import {findMatrixUnits} from '../../kernels/webgpu/runtime/matrix_units.js';
import {BackendError} from '../errors.js';
import {describeAdapter, isSoftwareAdapter} from './adapter.js';
import {importOptional, missingBackend} from './optional_package.js';
import {isNode} from './platform.js';
import {guardBackend, isLost, openDevice} from './webgpu_device.js';

/** What is used of the npm package `webgpu`. */
interface DawnPackage {
  create(options: string[]): GPU;
  globals: object;
}

type BackendClass = new (device: GPUDevice, info: GPUAdapterInfo) => tf.KernelBackend & {device: GPUDevice};

type Factory = () => tf.KernelBackend | Promise<tf.KernelBackend>;

/** What is used of `@tensorflow/tfjs-backend-webgpu`. */
interface WebGPUPackage {
  WebGPUBackend: BackendClass;
}

/** Without them Dawn keeps 16-bit floats from NVIDIA's cards, and rounds timestamps. */
const DAWN_SWITCHES = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
  'disable-dawn-features=timestamp_quantization',
];

/**
 * The same request as tfjs's own, so that what is judged here is what the backend will run on. The flag is read from
 * those set: asking for it by name fails as long as the backend's package is not loaded.
 */
const adapterRequest = (): GPURequestAdapterOptions => ({
  powerPreference: tf.env().getFlags().WEBGPU_USE_LOW_POWER_GPU === true ? 'low-power' : 'high-performance',
});

/** An adapter that will not do. Where the page has not imported the backend's package, there was nothing to use it. */
const unusable = (message: string): BackendError =>
  isNode() || tf.findBackendFactory('webgpu') ? new BackendError(message) : missingBackend(message);

/**
 * Registers tfjs's webgpu backend, after checking that there is an adapter for it.
 *
 * @param software whether a software driver will do.
 * @throws BackendError when a package is missing, there is no adapter, or the only one is software and that will not do.
 */
export async function registerWebGPU(software: boolean): Promise<void> {
  const gpu = await findGPU();
  const adapter = await gpu.api.requestAdapter(adapterRequest());
  if (!adapter) {
    throw unusable(
      `webgpu: an adapter must be present; got none (${
        isNode()
          ? 'no Vulkan, Metal or Direct3D 12 driver is installed, or none that Dawn accepts'
          : 'this browser or machine offers no GPU to the page'
      }).`,
    );
  }
  if (!software && isSoftwareAdapter(adapter.info)) {
    throw unusable(
      `webgpu: an automatic choice takes hardware only; got the software driver ` +
        `${describeAdapter(adapter.info)} (name it to use it: setupBackend('webgpu')).`,
    );
  }
  gpu.install();
  const {registry, registryFactory} = tf.engine();
  const existing = registry.webgpu;
  if (existing && !isLost(existing)) return;
  const registered = registryFactory.webgpu as (typeof registryFactory)[string] | undefined;
  if (existing) tf.removeBackend('webgpu');
  let factory = registered?.factory;
  if (!factory) factory = await nodeFactory(gpu.api);
  else if (!ours.has(factory)) factory = replacingDevice(factory, gpu.api);
  ours.add(factory);
  registryFactory.webgpu = {factory, priority: registered?.priority ?? 3};
}

/** Factories of this file: tfjs's own is taken in the place of one only once. */
const ours = new WeakSet<object>();

/** @throws BackendError where the package cannot be had. */
async function nodeFactory(api: GPU): Promise<Factory> {
  const name = '@tensorflow/tfjs-backend-webgpu';
  if (!isNode()) {
    throw missingBackend(`webgpu: the page must import its package; got none (import '${name}').`);
  }
  const backendPackage = await importOptional<WebGPUPackage>(name);
  if (!backendPackage) {
    throw missingBackend(`webgpu: ${name} must be installed; it is not (npm install ${name} webgpu).`);
  }
  return () => createBackend(backendPackage.WebGPUBackend, api);
}

/** A backend on a device of ours, of the class that the page's own copy of the package makes. */
function replacingDevice(stock: Factory, api: GPU): Factory {
  return async () => {
    const made = (await stock()) as InstanceType<BackendClass>;
    made.dispose();
    made.device.destroy();
    return createBackend(made.constructor as BackendClass, api);
  };
}

/** Dawn's entry point. There is one for the process: each that is made stays in memory as long as that lives. */
let dawnGPU: GPU | undefined;

/** The WebGPU entry point, and what makes it `navigator.gpu`. */
async function findGPU(): Promise<{api: GPU; install: () => void}> {
  const present = typeof navigator === 'undefined' ? undefined : navigator.gpu;
  if (present) {
    return {api: present, install: () => undefined};
  }
  if (!isNode()) {
    throw missingBackend(
      'webgpu: the browser must offer navigator.gpu to this page; it does not (https, a newer browser).',
    );
  }
  const dawn = await importOptional<DawnPackage>('webgpu');
  if (!dawn) {
    throw missingBackend(
      'webgpu: Node needs the package webgpu; it is not installed (npm install webgpu @tensorflow/tfjs-backend-webgpu).',
    );
  }
  dawnGPU ??= dawn.create(DAWN_SWITCHES);
  const api = dawnGPU;
  // Only once the adapter is accepted: an automatic choice that goes elsewhere leaves the process as it was.
  const install = () => {
    Object.assign(globalThis, dawn.globals);
    if (typeof navigator === 'undefined') {
      // Node 20 has no navigator.
      Object.defineProperty(globalThis, 'navigator', {value: {}, configurable: true, writable: true});
    }
    Object.defineProperty(navigator, 'gpu', {value: api, configurable: true});
  };
  return {api, install};
}

async function createBackend(Backend: BackendClass, api: GPU): Promise<tf.KernelBackend> {
  const adapter = await api.requestAdapter(adapterRequest());
  if (!adapter) {
    throw new BackendError('webgpu: an adapter must be present; the one found before is gone.');
  }
  const device = await openDevice(adapter);
  await findMatrixUnits(device, adapter.info);
  return guardBackend(new Backend(device, adapter.info), device);
}
