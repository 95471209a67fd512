/**
 * The GPU device that this library opens for tfjs's webgpu backend, and what becomes of it when it fails.
 *
 * The device gets whatever the adapter has of what helps: larger limits than every device has, timestamps, subgroups,
 * 16-bit floats, matrices of subgroups. None of it is needed.
 *
 * tfjs takes no notice of a lost device or of an error on the GPU: it goes on, and what is read is zeros. Here both are
 * kept and thrown as a BackendError by the next call of the backend.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {matrixUnits} from '../../kernels/webgpu/runtime/matrix_units.js';
import {BackendError} from '../errors.js';
import {type BufferManager, GuardedBuffers, memoryError} from './webgpu_buffers.js';

/** Asked for where the adapter has them. */
const FEATURES = [
  'timestamp-query',
  'subgroups',
  'shader-f16',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[];

/** Raised from the defaults to what the adapter has. */
const LIMITS = [
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Opens a device with the limits and features named above, or at core limits and with no feature. */
export async function openDevice(adapter: GPUAdapter, coreLimits = false): Promise<GPUDevice> {
  return adapter.requestDevice({
    label: 'tfjs-swint',
    requiredFeatures: coreLimits ? [] : FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: coreLimits ? {} : Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
}

/** What the device of a backend can do beyond the least that every device can. */
export interface DeviceCapabilities {
  features: string[];
  /** Bytes of workgroup memory, storage buffers of a shader, invocations of a workgroup, bytes of a buffer. */
  workgroupStorage: number;
  storageBuffers: number;
  invocations: number;
  bufferSize: number;
  /** Rows, columns and terms of the matrices of 16-bit floats that precision 'f16' multiplies, such as '16x16x16'. */
  matrices?: string;
}

export function describeCapabilities(device: GPUDevice): DeviceCapabilities {
  const {features, limits} = device;
  const units = matrixUnits(device);
  return {
    ...(units && {matrices: `${units.matrixRows}x${units.matrixColumns}x${units.matrixTerms}`}),
    features: FEATURES.filter((feature) => features.has(feature)),
    workgroupStorage: limits.maxComputeWorkgroupStorageSize,
    storageBuffers: limits.maxStorageBuffersPerShaderStage,
    invocations: limits.maxComputeInvocationsPerWorkgroup,
    bufferSize: limits.maxBufferSize,
  };
}

/** What is used of tfjs's WebGPUBackend beyond its typings. */
interface Guarded extends tf.KernelBackend {
  bufferManager: BufferManager;
  commandEncoder: GPUCommandEncoder | null;
  endComputePassEncoder(): void;
  submitQueue(): void;
  recordAndSubmit(...args: unknown[]): void;
  uploadToGPU(dataId: object): void;
  read(dataId: object): Promise<tf.backend_util.BackendValues>;
  readSync(dataId: object): tf.backend_util.BackendValues;
}

const lost = new WeakSet<tf.KernelBackend>();

/** Whether the device of a backend is gone for good. */
export function isLost(backend: tf.KernelBackend): boolean {
  return lost.has(backend);
}

/** What has happened to the device of a backend that its next call has to throw. */
class Failures {
  private failure: BackendError | undefined;
  /** Whether errors may still come that follow from the one thrown last. */
  private settling = false;
  /** Wakes the reads under way. A race with the loss itself would keep all that was ever read as long as the device lives. */
  readonly wake = new Set<() => void>();

  constructor(
    private readonly backend: Guarded,
    private readonly device: GPUDevice,
    buffers: GuardedBuffers,
  ) {
    const listener = ({error}: GPUUncapturedErrorEvent) => {
      buffers.distrustAll();
      if (!this.settling) this.failure ??= errorOf(error);
    };
    device.addEventListener('uncapturederror', listener);
    device.lost.then(({reason, message}) => {
      lost.add(backend);
      this.failure = new BackendError(
        `webgpu: the GPU device must stay; it was lost (${reason}${message ? `: ${message}` : ''}) ` +
          `(await setupBackend('webgpu') opens a new one; weights have to be loaded again).`,
      );
      for (const one of this.wake) one();
      // In Node a device keeps its listeners outside of the heap, and this one keeps the device: they would stay for ever.
      device.removeEventListener('uncapturederror', listener);
    });
  }

  /** Throws the failure: an error on the GPU once, the loss of the device every time. */
  check(): void {
    const {failure} = this;
    if (!failure) return;
    if (!lost.has(this.backend)) {
      this.failure = undefined;
      this.settle();
    }
    throw failure;
  }

  /** Does away with commands that wait, which may use what the error has spoiled, so that it is told once. */
  private settle(): void {
    const {backend, device} = this;
    this.settling = true;
    device.pushErrorScope('validation');
    if (backend.commandEncoder) {
      backend.endComputePassEncoder();
      backend.submitQueue();
    }
    const settled = () => {
      this.settling = false;
    };
    device.popErrorScope().then(settled, settled);
  }
}

const errorOf = (error: GPUError): BackendError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? memoryError(error.message)
    : new BackendError(
        `webgpu: a command must be valid; got "${error.message}" (what was computed since is void).`,
      );

/**
 * Makes a backend throw what happens to its device: at the next call that computes or reads, and in reads that are on
 * their way. An error on the GPU is thrown once, the loss of the device every time.
 */
export function guardBackend(backend: tf.KernelBackend, device: GPUDevice): tf.KernelBackend {
  const guarded = backend as Guarded;
  const buffers = new GuardedBuffers(guarded.bufferManager, device.limits);
  const failures = new Failures(guarded, device, buffers);
  const check = () => failures.check();
  const {recordAndSubmit, uploadToGPU, read, readSync, dispose} = guarded;
  // tfjs lets go of the device, which then lives on with its threads and its memory.
  guarded.dispose = () => {
    dispose.call(guarded);
    device.destroy();
  };
  guarded.recordAndSubmit = (...args) => {
    check();
    recordAndSubmit.apply(guarded, args);
  };
  guarded.uploadToGPU = (dataId) => {
    check();
    buffers.upload(() => uploadToGPU.call(guarded, dataId));
  };
  guarded.readSync = (dataId) => {
    check();
    return readSync.call(guarded, dataId);
  };
  guarded.read = async (dataId) => {
    check();
    const reading = read.call(guarded, dataId);
    let woken = () => {};
    const gone = new Promise<void>((resolve) => {
      woken = resolve;
    });
    failures.wake.add(woken);
    try {
      // A read from a lost device need not end by itself.
      await Promise.race([reading, gone]);
      check();
      return await reading;
    } catch (error) {
      reading.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve));
      check();
      throw error;
    } finally {
      failures.wake.delete(woken);
    }
  };
  return guarded;
}
