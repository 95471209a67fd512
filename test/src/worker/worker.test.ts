/** Models in a worker thread of Node: everything that goes over, in both directions, and how calls end. */
import {readFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../../architectures/swin_resnet.js';
import {shapesSplit} from '../../../src/data/shapes.js';
import {CheckpointError, ConfigError, DataError, SwintError} from '../../../src/errors.js';
import {classify} from '../../../src/inference/classify.js';
import {train} from '../../../src/training/train.js';
import {type ComputeWorker, openWorker, type WorkerModel} from '../../../src/worker/index.js';
import {errorOf} from '../data/memory_dataset.js';
import {memoryStore} from '../training/memory_store.js';

const ARGS = {depth: 14, inputShape: [3, 16, 16], widths: [4, 4, 8], numClasses: 4, seed: 3} as const;
const args = () => ({...ARGS, inputShape: [...ARGS.inputShape] as [number, number, number]});
const split = () => shapesSplit({size: 16, train: 24, test: 8, seed: 2});

describe('a worker thread', () => {
  let worker: ComputeWorker;
  let model: WorkerModel;

  before(async () => {
    worker = await openWorker({backend: 'wasm', threads: 1});
  });
  after(() => worker?.terminate());
  beforeEach(async () => {
    model = await worker.build('swinResNet', args());
  });
  afterEach(() => model.dispose());

  it('tells what it computes on', () => {
    expect(worker.backend).to.include({backend: 'wasm', threads: 1});
    expect(model.inputShape).to.deep.equal([null, 3, 16, 16]);
    expect(model.outputShape).to.deep.equal([null, 4]);
  });
});
