import {expect} from 'chai';
import {type BufferManager, GuardedBuffers} from '../../../src/backends/webgpu_buffers.js';
import {BackendError} from '../../../src/errors.js';

interface Buffer {
  size: number;
  isDestroyed: boolean;
  destroy(): void;
}

/** Keeps free buffers of one kind, as tfjs's does. */
function pool() {
  const made: Buffer[] = [];
  const [free, used]: Buffer[][] = [[], []];
  const events = {onMake: () => {}};
  const manager = {
    numFreeBuffers: 0,
    numBytesAllocated: 0,
    freeBuffers: new Map([['kind', free]]),
    usedBuffers: new Map([['kind', used]]),
    acquireBuffer(size: number) {
      let buffer = this.freeBuffers.get('kind')!.pop();
      if (buffer) this.numFreeBuffers--;
      else {
        events.onMake();
        buffer = {
          ...{size, isDestroyed: false},
          destroy() {
            this.isDestroyed = true;
          },
        };
        made.push(buffer);
        this.numBytesAllocated += size;
      }
      used.push(buffer);
      return buffer;
    },
    releaseBuffer(buffer: Buffer, reuse = true) {
      used.splice(used.indexOf(buffer), 1);
      if (reuse) {
        this.freeBuffers.get('kind')!.push(buffer);
        this.numFreeBuffers++;
      } else {
        buffer.destroy();
        this.numBytesAllocated -= buffer.size;
      }
    },
  };
  const limits = {maxBufferSize: 1000, maxStorageBufferBindingSize: 500};
  const guarded = manager as unknown as BufferManager;
  const buffers = new GuardedBuffers(guarded, limits as GPUSupportedLimits);
  return {manager: guarded, buffers, made, events};
}

describe('the buffers of a guarded webgpu backend', () => {
  it('are used again, and not after an error: neither free ones, nor used ones, nor one made with it', () => {
    const {manager, buffers, made, events} = pool();
    const [used, free] = [manager.acquireBuffer(100, 0), manager.acquireBuffer(100, 0)];
    manager.releaseBuffer(free);
    expect(manager.acquireBuffer(100, 0)).to.equal(free);
    manager.releaseBuffer(free);
    buffers.distrustAll();
    expect(made.map(({isDestroyed}) => isDestroyed)).to.deep.equal([false, true]);
    events.onMake = () => buffers.distrustAll();
    const spoiled = manager.acquireBuffer(100, 0);
    events.onMake = () => {};
    for (const buffer of [used, spoiled]) manager.releaseBuffer(buffer);
    expect(made.map(({isDestroyed}) => isDestroyed)).to.deep.equal([true, true, true]);
    expect([manager.numFreeBuffers, manager.numBytesAllocated]).to.deep.equal([0, 0]);
    const fresh = manager.acquireBuffer(100, 0);
    manager.releaseBuffer(fresh);
    expect(manager.acquireBuffer(100, 0)).to.equal(fresh);
  });

  it('are no larger than the device has them', () => {
    const {manager, made} = pool();
    manager.acquireBuffer(500, 0);
    expect(() => manager.acquireBuffer(501, 0)).to.throw(
      BackendError,
      /^webgpu: a tensor must fit a buffer of the device, 500 bytes; got 501 bytes \(smaller batches/,
    );
    expect(made).to.have.length(1);
  });

  it('of an upload that cannot be written are given back, with a BackendError', () => {
    const {manager, buffers, made} = pool();
    const failing = (error: Error) => () =>
      buffers.upload(() => {
        manager.acquireBuffer(100, 0);
        throw error;
      });
    expect(failing(new RangeError('Array buffer allocation failed'))).to.throw(
      BackendError,
      /^webgpu: a buffer must fit the GPU's memory; got "Array buffer allocation failed" \(smaller batches/,
    );
    // A fault of a program stays what it is.
    expect(failing(new TypeError('none'))).to.throw(TypeError, /^none$/);
    expect(made.map(({isDestroyed}) => isDestroyed)).to.deep.equal([true, true]);
    expect(manager.numBytesAllocated).to.equal(0);
  });
});
