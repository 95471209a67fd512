/** Models in a worker thread of Node: everything that goes over, in both directions, and how calls end. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../../architectures/swin_resnet.js';
import {setupBackend} from '../../../src/backends/setup_backend.js';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {shapesSplit} from '../../../src/data/shapes.js';
import {classify} from '../../../src/inference/classify.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {
  BackendError,
  CheckpointError,
  type ComputeWorker,
  ConfigError,
  DataError,
  openWorker,
  type PackedImages,
  SwintError,
  type WorkerModel,
} from '../../../src/worker/index.js';
import {errorOf} from '../data/memory_dataset.js';
import {memoryStore} from '../training/memory_store.js';

const split = shapesSplit({trainSize: 24, testSize: 8, seed: 2, imageSize: 16});
const ARGS = {
  ...{depth: 14, inputShape: [3, 16, 16] as [number, number, number], widths: [4, 4, 8], seed: 3},
  numClasses: split.train.classNames.length,
};
const TRAINING = {epochs: 2, batchSize: 8, seed: 1, learningRate: 0.01} satisfies TrainOptions;

const url = new URL('./thread.mjs', import.meta.url);
const opened = () => openWorker({backend: 'wasm', threads: 1, url});

const picture = () => ({
  data: Uint8Array.from({length: 3 * 256}, (_, i) => (i * 37) % 256),
  width: 16,
  height: 16,
});

/** All images of a data set in one array. */
async function packed(dataset: ImageDataset): Promise<PackedImages> {
  const {name, height, width, channels, classNames, size} = dataset;
  const indices = Array.from({length: size}, (_, index) => index);
  const images = new Uint8Array(size * height * width * channels);
  for (const index of indices) images.set(await dataset.read(index), index * height * width * channels);
  return {
    ...{name, height, width, channels, classNames, images},
    labels: indices.map((i) => dataset.label(i)),
  };
}

describe('a worker thread', () => {
  let worker: ComputeWorker;
  let model: WorkerModel;

  before(async () => {
    await setupBackend('wasm', {threads: 1});
    worker = await opened();
  });
  after(() => worker?.terminate());
  beforeEach(async () => {
    model = await worker.build('swinResNet', ARGS);
  });
  afterEach(() => model.dispose());

  it('tells what it computes on and what a model is', async () => {
    expect(worker.backend).to.include({backend: 'wasm', threads: 1});
    expect(model.inputShape).to.deep.equal([null, 3, 16, 16]);
    expect(model.outputShape).to.deep.equal([null, ARGS.numClasses]);
    const {layers, parameters} = await model.info();
    expect(layers.length).to.be.above(20);
    expect(parameters).to.equal(model.parameters);
  });

  it('answers as the functions do here, of bytes, of a tensor and of several', async () => {
    const here = swinResNet(ARGS);
    const expected = await classify(here, picture(), {topK: 2});
    const tensor = tf.tensor3d(Array.from(picture().data), [16, 16, 3]);
    const answers = [
      await model.classify(picture(), {topK: 2}),
      await model.classify(tensor, {topK: 2}),
      ...(await model.classify([picture(), picture()], {topK: 2})),
    ];
    for (const answer of answers) {
      expect(answer.map(({label}) => label)).to.deep.equal(expected.map(({label}) => label));
      expect(answer[0]!.probability).to.be.closeTo(expected[0]!.probability, 1e-5);
    }
    const input = tf.randomUniform([2, 3, 16, 16], -1, 1, 'float32', 5);
    const logits = here.predict(input) as tf.Tensor;
    const {data, shape} = await model.predict({
      data: (await input.data()) as Float32Array,
      shape: input.shape,
    });
    expect(shape).to.deep.equal(logits.shape);
    const differences = [...(await logits.data())].map((value, i) => Math.abs(value - data[i]!));
    expect(Math.max(...differences)).to.be.below(1e-5);
    tf.dispose([tensor, input, logits]);
    here.dispose();
  });

  it('hands arrays over where it is told to, and else leaves them', async () => {
    const kept = picture();
    await model.classify(kept);
    expect(kept.data.length).to.equal(768);
    const given = picture();
    await model.classify(given, {transfer: true});
    expect(given.data.length).to.equal(0);
    const part = {...picture(), data: new Uint8Array(1000).subarray(100, 868)};
    await model.classify(part, {transfer: true});
    expect(part.data.length, 'a part of a buffer, of which the rest is still in use').to.equal(768);
    const error = await errorOf(() => model.classify(given));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/^classify: .*handed over before/);
  });

  it('trains as it would here, with images asked for or handed over, and tells each step', async () => {
    const here = swinResNet(ARGS);
    const expected = await train(here, split, TRAINING);
    here.dispose();
    const steps: number[] = [];
    let during = 0;
    const history = await model.train(split, {
      ...TRAINING,
      onBatch: ({step}) => void steps.push(step),
      async onEpoch() {
        during = steps.length;
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(steps.length, 'the training waits for onEpoch').to.equal(during);
      },
    });
    expect(steps).to.deep.equal([1, 2, 3, 1, 2, 3]);
    expect(model.classNames).to.deep.equal(split.train.classNames);
    const another = await worker.build('swinResNet', ARGS);
    const whole = {train: await packed(split.train), test: await packed(split.test)};
    const second = await another.train(whole, {...TRAINING, transfer: true});
    expect(whole.train.images.length).to.equal(0);
    for (const {epochs, evaluation} of [history, second]) {
      expect(epochs.map(({trainLoss}) => trainLoss)).to.deep.equal(
        expected.epochs.map(({trainLoss}) => trainLoss),
      );
      expect(evaluation!.predictions).to.deep.equal(expected.evaluation!.predictions);
    }
    const {mean, std} = expected;
    const evaluation = await another.evaluate(split.test, {mean, std});
    expect(evaluation.confusion).to.deep.equal(expected.evaluation!.confusion);
    await another.dispose();
  });

  it('stops a training by a signal, and goes on from a checkpoint on the page', async () => {
    const whole = await model.train(split, TRAINING);
    const checkpoint = {store: memoryStore(), everySeconds: 1000};
    const interrupted = await worker.build('swinResNet', ARGS);
    const controller = new AbortController();
    const stopped = await interrupted.train(split, {
      ...{...TRAINING, checkpoint, signal: controller.signal},
      onEpoch: () => controller.abort(),
    });
    expect(stopped.stopped).to.equal('aborted');
    expect(stopped.steps).to.equal(3);
    expect(checkpoint.store.files.size).to.be.above(0);
    await interrupted.dispose();
    const resumed = await worker.build('swinResNet', ARGS);
    const history = await resumed.train(split, {...TRAINING, checkpoint, resume: true});
    expect(history.epochs.map(({trainLoss}) => trainLoss)).to.deep.equal(
      whole.epochs.map(({trainLoss}) => trainLoss),
    );
    await resumed.dispose();
  });

  it('answers between the steps of a training, and runs all else in order', async () => {
    const order: string[] = [];
    const log = (name: string) => () => void order.push(name);
    let asked: Promise<unknown> | undefined;
    const another = await worker.build('swinResNet', ARGS);
    const first = model
      .train(split, {
        ...TRAINING,
        onBatch({step}) {
          if (step === 1) asked = model.classify(picture()).then(log('answer'));
        },
      })
      .then(log('first'));
    const second = another.train(split, {...TRAINING, epochs: 1}).then(log('second'));
    const gone = another.dispose().then(log('dispose'));
    await Promise.all([first, second, gone]);
    await asked;
    expect(order.filter((name) => name !== 'answer')).to.deep.equal(['first', 'second', 'dispose']);
    expect(order).to.contain('answer');
  });

  it('ends a question at once by its signal, and answers the next one', async () => {
    const reason = new Error('another picture came');
    const controller = new AbortController();
    const {signal} = controller;
    const ended = model.evaluate(split.test, {signal, batchSize: 1, onBatch: () => controller.abort(reason)});
    expect(await errorOf(() => ended)).to.equal(reason);
    expect(await model.classify(picture(), {topK: 1})).to.have.length(1);
  });

  it('takes a call that has not begun out of the queue', async () => {
    const reason = new Error('not needed any more');
    const controller = new AbortController();
    const training = model.train(split, TRAINING);
    const waiting = model.train(split, {...TRAINING, signal: controller.signal});
    controller.abort(reason);
    expect(await errorOf(() => waiting)).to.equal(reason);
    expect((await training).stopped).to.equal('finished');
    expect(await errorOf(() => model.classify(picture(), {signal: controller.signal}))).to.equal(reason);
  });

  it('sends errors as they are: class, message and cause', async () => {
    const local = await errorOf(() => swinResNet({...ARGS, depth: 15}));
    const error = await errorOf(() => worker.build('swinResNet', {...ARGS, depth: 15}));
    expect(local).to.be.instanceOf(ConfigError);
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.equal(local.message);
    expect(await errorOf(() => model.loadWeights(new Uint8Array(100)))).to.be.instanceOf(CheckpointError);
    const missing = await errorOf(() => worker.loadModel('/nowhere/at/all'));
    expect(missing).to.be.instanceOf(CheckpointError);
    expect(missing.cause).to.be.instanceOf(Error);
    expect(await errorOf(() => worker.build('resnet' as 'swinResNet', ARGS))).to.be.instanceOf(ConfigError);
    const options = {...TRAINING, optimizer: tf.train.sgd(0.1)};
    expect((await errorOf(() => model.train(split, options))).message).to.match(/^train: optimizer must/);
  });

  it('rejects with the very error that the page threw, and works on', async () => {
    const thrown = new TypeError('in the page');
    for (const training of [
      {
        onBatch() {
          throw thrown;
        },
      },
      {onEpoch: () => Promise.reject(thrown)},
    ]) {
      expect(await errorOf(() => model.train(split, {...TRAINING, ...training}))).to.equal(thrown);
    }
    const unreadable = new DataError('memory: image 3 is damaged.');
    const read = (index: number) => (index === 3 ? Promise.reject(unreadable) : split.train.read(index));
    const damaged = {train: {...split.train, read}, test: split.test};
    const error = await errorOf(() => model.train(damaged, {...TRAINING, mean: [0, 0, 0], std: [1, 1, 1]}));
    expect([error, error.cause]).to.contain(unreadable);
    const skipped: number[] = [];
    await model.train(damaged, {
      ...{...TRAINING, badImages: 'skip', epochs: 1},
      onBadImage(error, index) {
        expect([error, error.cause]).to.contain(unreadable);
        skipped.push(index);
      },
    });
    expect(skipped).to.contain(3);
    expect(await model.classify(picture())).to.have.length(5);
  });

  it('gives a model away, as a whole and as weights, and takes it back', async () => {
    const expected = await model.classify(picture());
    const parts = await model.save();
    const weights = await model.saveWeights({layout: 'tfjs-swint'});
    const again = await worker.loadModel(parts);
    const other = await worker.build('swinResNet', {...ARGS, seed: 9});
    expect(await other.classify(picture())).to.not.deep.equal(expected);
    const report = await other.loadWeights(weights, {transfer: true});
    expect(weights.length).to.equal(0);
    expect(report.missing).to.deep.equal([]);
    expect(await again.classify(picture())).to.deep.equal(expected);
    expect(await other.classify(picture())).to.deep.equal(expected);
    await again.dispose();
    await other.dispose();
  });

  it('frees what it had of a model', async () => {
    const once = async () => {
      const one = await worker.build('swinResNet', ARGS);
      await one.train(split, {...TRAINING, epochs: 1});
      await one.classify(picture());
      await one.dispose();
      return one;
    };
    await once();
    const before = await worker.memory();
    const one = await once();
    expect(await worker.memory()).to.deep.equal(before);
    const error = await errorOf(() => one.classify(picture()));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/disposed/);
  });
});

describe('the end of a worker thread', () => {
  it('rejects what is pending and what comes later', async () => {
    const worker = await opened();
    const model = await worker.build('swinResNet', ARGS);
    const training = errorOf(() => model.train(split, {...TRAINING, epochs: 1000}));
    await worker.terminate();
    expect(await training).to.be.instanceOf(SwintError);
    expect((await errorOf(() => model.classify(picture()))).message).to.match(/terminated/);
  });

  it('is a BackendError where the script is missing or the backend does not start', async () => {
    const script = await errorOf(() => openWorker({url: new URL('./nowhere.mjs', import.meta.url)}));
    expect(script).to.be.instanceOf(BackendError);
    expect(script.message).to.match(/nowhere\.mjs.*tfjs-swint\/worker\/main/);
    expect(await errorOf(() => openWorker({backend: 'webgl', url}))).to.be.instanceOf(BackendError);
    expect(await errorOf(() => openWorker({backend: 'gpu' as 'wasm', url}))).to.be.instanceOf(ConfigError);
  });

  it('is a BackendError where the script does not answer', async () => {
    const idle = 'data:text/javascript,setInterval(() => {}, 1000)';
    const error = await errorOf(() => openWorker({url: idle, timeout: 0.2}));
    expect(error).to.be.instanceOf(BackendError);
    expect(error.message).to.match(/got no answer in 0.2 seconds .*tfjs-swint\/worker\/main/);
  });

  it('leaves nothing behind that keeps a process alive', async () => {
    const resources = () =>
      process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name));
    const before = resources();
    const worker = await opened();
    expect(resources(), 'no call is pending').to.deep.equal(before);
    await worker.terminate();
    expect(resources()).to.deep.equal(before);
  });
});
