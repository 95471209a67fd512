/**
 * The buffers of tfjs's webgpu backend, where the device cannot give what is asked for.
 *
 * tfjs keeps released buffers and hands them out again, also those that the GPU had no memory for: such a buffer would spoil
 * whatever gets it. So a size that no buffer of the device has is refused before it is asked for, and after an error on the
 * GPU no buffer that was there is used again: free ones are destroyed at once, others as soon as they are released.
 */
import {BackendError} from '../errors.js';

/** What is used of tfjs's BufferManager. */
export interface BufferManager {
  numFreeBuffers: number;
  numBytesAllocated: number;
  freeBuffers: Map<string, GPUBuffer[]>;
  usedBuffers: Map<string, GPUBuffer[]>;
  acquireBuffer(size: number, usage: number, mappedAtCreation?: boolean, reuse?: boolean): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
}

/** The error of memory that is not there. */
export const memoryError = (got: string, cause?: unknown): BackendError =>
  new BackendError(
    `webgpu: a buffer must fit the GPU's memory; got "${got}" (smaller batches or images, or dispose tensors; what was ` +
      'computed since is void: load the weights again that were being trained).',
    {cause},
  );

export class GuardedBuffers {
  private readonly distrusted = new WeakSet<GPUBuffer>();
  /** Those that the upload under way has got; null where there is none. */
  private uploading: GPUBuffer[] | null = null;
  /** Errors on the GPU so far. */
  private errors = 0;
  private readonly release: BufferManager['releaseBuffer'];

  /** Takes the place of the manager's own methods. */
  constructor(
    private readonly manager: BufferManager,
    {maxBufferSize, maxStorageBufferBindingSize}: GPUSupportedLimits,
  ) {
    const acquire = manager.acquireBuffer.bind(manager);
    this.release = manager.releaseBuffer.bind(manager);
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    manager.acquireBuffer = (size, ...args) => {
      if (size > most) {
        throw new BackendError(
          `webgpu: a tensor must fit a buffer of the device, ${most} bytes; got ${size} bytes (smaller batches or images).`,
        );
      }
      const {errors} = this;
      const buffer = acquire(size, ...args);
      // Some drivers tell of the error within the call.
      if (this.errors > errors) this.distrusted.add(buffer);
      this.uploading?.push(buffer);
      return buffer;
    };
    manager.releaseBuffer = (buffer, reuse = true) => {
      this.release(buffer, reuse && !this.distrusted.has(buffer));
    };
  }

  /**
   * Runs an upload, which the browser ends with an error of its own where it has no memory to write into.
   *
   * @throws BackendError then, the buffers that it had got being released.
   */
  upload(run: () => void): void {
    this.uploading = [];
    try {
      run();
    } catch (error) {
      for (const buffer of this.uploading) this.release(buffer, false);
      const {name, message} = error as Error;
      throw ['RangeError', 'OperationError'].includes(name) ? memoryError(message, error) : error;
    } finally {
      this.uploading = null;
    }
  }

  /** After an error on the GPU: any buffer that is there may be one that was never made. */
  distrustAll(): void {
    const {manager} = this;
    this.errors++;
    for (const [key, buffers] of manager.freeBuffers) {
      for (const buffer of buffers) {
        manager.numBytesAllocated -= buffer.size;
        buffer.destroy();
      }
      manager.numFreeBuffers -= buffers.length;
      manager.freeBuffers.set(key, []);
    }
    for (const buffers of manager.usedBuffers.values()) {
      for (const buffer of buffers) this.distrusted.add(buffer);
    }
  }
}
