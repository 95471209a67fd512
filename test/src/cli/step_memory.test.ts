import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {buildNetwork} from '../../../src/cli/networks.js';
import {checkStepMemory, memoryError, type StepUse} from '../../../src/cli/step_memory.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {memoryDataset} from '../data/memory_dataset.js';

describe('the memory of a step', () => {
  const data = memoryDataset({labels: [0, 1], height: 64, width: 64});
  const settings = {depth: 14, widths: null, window: null, dropPath: 0, seed: 0};
  let use: StepUse;
  before(async () => {
    await tf.setBackend('cpu');
    const model = buildNetwork('swin', settings, data);
    use = {name: 'a network', model, data, batchSize: 32, backend: 'wasm'};
  });
  after(() => use.model.dispose());

  // Measured: the wasm heap grows to 901 MB.
  it('is less than what the heap grew to, and more than a third of it', () => {
    checkStepMemory(use, 901e6);
    expect(() => checkStepMemory(use, 300e6)).to.throw(ConfigError, /32 images of 64x64 a step/);
  });

  it('grows with the batch, and is told with what would fit', () => {
    checkStepMemory({...use, batchSize: 8}, 300e6);
    let message = '';
    try {
      checkStepMemory({...use, batchSize: 320}, 901e6);
    } catch (error) {
      message = (error as Error).message;
    }
    const [, batchSize] = message.match(/\(--batch-size (\d+) or less, or --image-size \d+ or less\)\.$/)!;
    checkStepMemory({...use, batchSize: Number(batchSize)}, 901e6);
    expect(() => checkStepMemory({...use, batchSize: Number(batchSize) + 1}, 901e6)).to.throw(ConfigError);
    expect(() => checkStepMemory(use, 1e6)).to.throw(ConfigError, /use a smaller network/);
  });

  it('knows no limit of a GPU', () => checkStepMemory({...use, batchSize: 1e6, backend: 'webgpu'}));

  it('is what an exhausted heap is called', () => {
    const trap = new WebAssembly.RuntimeError('memory access out of bounds');
    const told = memoryError(trap, {...use, batchSize: 1}) as Error;
    expect(told).to.be.instanceOf(ConfigError);
    expect(told.message).to.match(
      /a network with 1 image of 64x64 a step ended in "memory access out of bounds"/,
    );
    expect(told.cause).to.equal(trap);
    for (const other of [new DataError('heap.jpg is damaged'), new TypeError('x is not a function')]) {
      expect(memoryError(other, use)).to.equal(other);
    }
  });
});
