/** Trainings that are stopped and go on: what comes out is what an unbroken one gives, to the last bit. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {setThreads} from '../../../kernels/wasm/runtime/worker_pool.js';
import type {DatasetSplit} from '../../../src/data/dataset.js';
import {CheckpointError, ConfigError, SwintError} from '../../../src/errors.js';
import type {CheckpointStore} from '../../../src/training/checkpoint_store.js';
import {Muon} from '../../../src/training/muon.js';
import {SGD} from '../../../src/training/sgd.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {trainSegmentation} from '../../../src/training/train_segmentation.js';
import type {TrainingHistory} from '../../../src/training/training_history.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {memoryMasks} from '../data/memory_masks.js';
import {colourSplit, colourSquares} from './colour_squares.js';
import {type MemoryStore, memoryStore, newest} from './memory_store.js';
import {droppingModel, droppingSegmenter, weightsOf} from './small_networks.js';

const OPTIONS: TrainOptions = {
  ...{epochs: 3, batchSize: 8, learningRate: 0.02, seed: 4, flip: true, cropPadding: 1},
  ...{labelSmoothing: 0.1, clipNorm: 5, badImages: 'skip', onBadImage: () => {}},
};

/** The first image of two batches of 8 cannot be read; nor a whole batch in some order. */
const SPLIT: DatasetSplit = {
  train: colourSquares('squares/train', 40, 1, [0, 3, 17]),
  test: colourSquares('squares/test', 15, 2),
};

const models: tf.LayersModel[] = [];
const made = <T extends tf.LayersModel>(model: T): T => {
  models.push(model);
  return model;
};

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('should have been rejected'),
    (error) => error,
  );

/** The history without what the clock says. */
const timeless = ({epochs, ...history}: TrainingHistory) => ({
  ...history,
  ...{stepMs: 0, imagesPerSecond: 0, seconds: 0},
  epochs: epochs.map((epoch) => ({...epoch, trainSeconds: 0, testSeconds: 0})),
});

async function expectSameWeights(actual: tf.LayersModel, expected: Float32Array[]): Promise<void> {
  const weights = await weightsOf(actual);
  expect(weights.length).to.equal(expected.length);
  for (const [i, values] of weights.entries()) expectBitEqual(actual.weights[i].name, values, expected[i]);
}

class Killed extends Error {}

/**
 * Trains a network with a checkpoint before each step; as if the process were killed, each time after `steps` more steps. Each
 * new process has a network with other initial weights.
 */
async function trainedWithKills(steps: number, options: TrainOptions, optimizer?: () => tf.Optimizer) {
  const store = memoryStore();
  const losses = new Map<string, number>();
  for (let life = 0; ; life++) {
    const model = made(droppingModel(10 * (life + 1)));
    let left = steps;
    const own = optimizer?.();
    try {
      const history = await train(model, SPLIT, {
        ...options,
        optimizer: own,
        checkpoint: {store, everySeconds: 1e-9},
        resume: true,
        onBatch({epoch, step, loss, runningLoss}) {
          const key = `${epoch}/${step}`;
          // A step that is taken again gives the same loss again.
          expect(losses.get(key) ?? loss).to.equal(loss);
          losses.set(key, loss);
          expect(runningLoss).to.be.above(0);
          if (left-- === 0) throw new Killed();
        },
      });
      return {model, history, lives: life + 1, losses};
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    } finally {
      own?.dispose();
    }
  }
}

async function trainedAtOnce(options: TrainOptions, optimizer?: tf.Optimizer) {
  const model = made(droppingModel(10));
  const losses = new Map<string, number>();
  const history = await train(model, SPLIT, {
    ...options,
    optimizer,
    onBatch: ({epoch, step, loss}) => losses.set(`${epoch}/${step}`, loss),
  });
  optimizer?.dispose();
  return {weights: await weightsOf(model), history, losses};
}

describe('checkpoints', () => {
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
  });

  eachBackend(
    () => {
      const cases: Record<string, {options: TrainOptions; optimizer?: () => tf.Optimizer}> = {
        'in whole passes': {options: OPTIONS},
        'in epochs of some steps': {options: {...OPTIONS, epochs: 5, stepsPerEpoch: 3}},
        'without the remainder, and with the weights of the best epoch': {
          options: {...OPTIONS, epochs: 4, batchSize: 12, dropRemainder: true, restoreBest: true},
        },
        "with the caller's optimizer": {
          options: {...OPTIONS, learningRate: undefined},
          optimizer: () => new SGD({learningRate: 0.05, momentum: 0.9, nesterov: true}),
        },
        'with Muon under a triangular schedule': {
          options: {...OPTIONS, schedule: 'triangular'},
          optimizer: () => new Muon({learningRate: 0.02}),
        },
        'with everything that changes images': {
          options: {
            ...{...OPTIONS, flip: 'alternating', paddingMode: 'reflect', randomErasing: 0.5, mixup: 0.3},
            ...{epochs: 4, stepsPerEpoch: 3, testViews: 6},
          },
        },
        'with a moving average, three batches an update': {
          options: {...OPTIONS, averaging: {method: 'ema', decay: 0.9}, accumulateSteps: 3},
        },
        'with slow weights, under the schedule that waits for a plateau': {
          options: {...OPTIONS, epochs: 5, averaging: {method: 'lookahead', every: 2}, schedule: 'plateau'},
        },
      };
      for (const [what, {options, optimizer}] of Object.entries(cases)) {
        it(`give what an unbroken training gives, ${what}`, async () => {
          const before = tf.memory().numTensors;
          const whole = await trainedAtOnce(options, optimizer?.());
          for (const steps of [1, 2, 4]) {
            const {model, history, lives, losses} = await trainedWithKills(steps, options, optimizer);
            expect(lives).to.be.above(2);
            await expectSameWeights(model, whole.weights);
            expect([...losses].sort()).to.deep.equal([...whole.losses].sort());
            expect(timeless(history)).to.deep.equal(timeless(whole.history));
          }
          for (const model of models.splice(0)) model.dispose();
          expect(tf.memory().numTensors).to.equal(before);
        });
      }

      for (const [what, more] of Object.entries({
        '': {},
        ', several batches an update, with an average': {
          ...{accumulateSteps: 3, averaging: {method: 'ema' as const, decay: 0.9}},
        },
      }))
        it(`go on from where the signal came, during steps and during a test${what}`, async () => {
          // The tests too are to add up the same, so that their losses agree in the last bit.
          const options: TrainOptions = {...OPTIONS, ...more, testBatchSize: 4};
          const whole = await trainedAtOnce(options);
          for (const [epoch, step] of [
            [1, 2],
            [2, 5],
            [2, 0],
          ]) {
            const store = memoryStore();
            const controller = new AbortController();
            const checkpoint = {store, everySeconds: 1e6};
            const stopped = await train(made(droppingModel(10)), SPLIT, {
              ...options,
              ...{checkpoint, signal: controller.signal},
              onBatch: (report) => report.epoch === epoch && report.step === step && controller.abort(),
              onTestBatch: (test) => test.epoch === epoch && step === 0 && controller.abort(),
            });
            expect(stopped.stopped).to.equal('aborted');
            expect(stopped.epochs).to.have.length(epoch);
            const model = made(droppingModel(20));
            const told: number[] = [];
            const history = await train(model, SPLIT, {
              ...options,
              ...{checkpoint, resume: true},
              onEpoch: (report) => void told.push(report.epoch),
            });
            await expectSameWeights(model, whole.weights);
            expect(timeless(history)).to.deep.equal(timeless(whole.history));
            expect(told).to.deep.equal([1, 2, 3].slice(epoch - 1));
          }
        });
    },
    {only: ['wasm']},
  );

  eachBackend(
    () => {
      it('go on with another number of threads', async () => {
        setThreads(1);
        const whole = await trainedAtOnce(OPTIONS);
        const store = memoryStore();
        const checkpoint = {store, everySeconds: 1e-9};
        const controller = new AbortController();
        await train(made(droppingModel(10)), SPLIT, {
          ...{...OPTIONS, checkpoint, signal: controller.signal},
          onBatch: ({epoch}) => epoch === 2 && controller.abort(),
        });
        setThreads(2);
        const model = made(droppingModel(20));
        await train(model, SPLIT, {...OPTIONS, checkpoint, resume: true});
        await expectSameWeights(model, whole.weights);
      });
    },
    {only: ['wasm']},
  );

  describe('of a segmentation', () => {
    const data = {
      train: memoryMasks({name: 'train', sizes: Array.from({length: 5}, () => [16, 16] as const)}),
      test: memoryMasks({name: 'test', seed: 2, sizes: [[16, 16]]}),
    };
    const options = {
      ...{dataFormat: 'channelsLast' as const, cropSize: 8, flip: true, rotate: true, learningRate: 0.03},
      ...{epochs: 3, stepsPerEpoch: 3, batchSize: 2, seed: 5},
    };
    eachBackend(
      () => {
        it('give what an unbroken training gives', async () => {
          const model = made(droppingSegmenter(1));
          const whole = await trainSegmentation(model, data, options);
          const weights = await weightsOf(model);
          const store = memoryStore();
          for (let life = 1; ; life++) {
            const again = made(droppingSegmenter(10 * life - 9));
            let left = 2;
            try {
              const history = await trainSegmentation(again, data, {
                ...options,
                ...{checkpoint: {store, everySeconds: 1e-9}, resume: true},
                onBatch() {
                  if (left-- === 0) throw new Killed();
                },
              });
              await expectSameWeights(again, weights);
              expect(life).to.be.above(3);
              const {epochs, evaluation} = history;
              expect(evaluation).to.deep.equal(whole.evaluation);
              expect(epochs.map(({trainMeanIou}) => trainMeanIou)).to.deep.equal(
                whole.epochs.map(({trainMeanIou}) => trainMeanIou),
              );
              // It has ended: its result again, without a step.
              const once = made(droppingSegmenter(99));
              const result = await trainSegmentation(once, data, {
                ...options,
                ...{checkpoint: {store}, resume: true, onBatch: () => expect.fail('no step should be taken')},
              });
              expect(result).to.deep.equal(history);
              await expectSameWeights(once, weights);
              break;
            } catch (error) {
              if (!(error instanceof Killed)) throw error;
            }
          }
        });
      },
      {only: ['cpu', 'wasm', 'tensorflow']},
    );
  });

  describe('that cannot be gone on from', () => {
    const short = {...OPTIONS, epochs: 2};
    let store: MemoryStore;
    beforeEach(async () => {
      await tf.setBackend('cpu');
      store = memoryStore();
      const controller = new AbortController();
      await train(made(droppingModel(1)), SPLIT, {
        ...{...short, checkpoint: {store, everySeconds: 1e-9}, signal: controller.signal},
        onBatch: ({epoch, step}) => epoch === 2 && step === 2 && controller.abort(),
      });
      expect(store.files.size).to.equal(2);
    });
    const goOn = (options: TrainOptions = {}, data = SPLIT, model = droppingModel(1)) =>
      train(made(model), data, {...short, checkpoint: {store}, resume: true, ...options});

    const refusals: Record<string, [() => Promise<unknown>, typeof SwintError, RegExp]> = {
      'without being told to': [
        () => goOn({resume: false}),
        ConfigError,
        /the place of the checkpoints must be empty; got memory, which holds .*resume: true/,
      ],
      'without a place': [
        () => goOn({checkpoint: undefined}),
        ConfigError,
        /resume must come with checkpoint/,
      ],
      'with no seconds': [
        () => goOn({checkpoint: {store, everySeconds: 0}}),
        ConfigError,
        /checkpoint\.everySeconds must be .*above 0; got 0/,
      ],
      'with a folder where there is none': [
        () => goOn({checkpoint: {dir: 'x'} as never}),
        ConfigError,
        /tfjs-swint\/node/,
      ],
      'with another number of heads': [
        () => goOn({}, SPLIT, droppingModel(1, 4)),
        CheckpointError,
        /must be of this network; got checkpoint-\d+\.swint, in which layer 3 of \d+ is SwinT with other settings/,
      ],
      'with another network': [
        () =>
          goOn(
            {},
            SPLIT,
            tf.sequential({
              layers: droppingModel(1)
                .layers.slice(0, 1)
                .concat(tf.layers.flatten() as never, tf.layers.dense({units: 3}) as never),
            }),
          ),
        CheckpointError,
        /of this network; got .* layers and \d+ weights, where this has 3 layers and/,
      ],
      'with another data set': [
        () => goOn({}, colourSplit(39, 15)),
        CheckpointError,
        /of this data set; got .*training images 40, where this has 39/,
      ],
      'with other labels': [
        () => goOn({}, {...SPLIT, train: {...SPLIT.train, label: (index) => (index + 1) % 3}}),
        CheckpointError,
        /of this data set; got .*training labels/,
      ],
      'with another rate': [
        () => goOn({learningRate: 0.01}),
        ConfigError,
        /to go on, learningRate must be as in checkpoint-\d+\.swint, 0\.02; got 0\.01/,
      ],
      'with an option more': [
        () => goOn({weightDecay: 0.1}),
        ConfigError,
        /weightDecay must be as in checkpoint-\d+\.swint, not given; got 0\.1/,
      ],
      'with another optimizer': [
        () => goOn({optimizer: new SGD({})}),
        ConfigError,
        /optimizer must be as in/,
      ],
    };
    for (const [what, [run, type, message]] of Object.entries(refusals)) {
      it(`are refused: ${what}; nothing is lost`, async () => {
        const files = new Map(store.files);
        const error = await rejection(run());
        expect(error).to.be.instanceOf(type);
        expect(error.message).to.match(message);
        expect([...store.files]).to.deep.equal([...files]);
      });
    }

    it('leave the model as it was', async () => {
      const model = made(droppingModel(50));
      const before = await weightsOf(model);
      await rejection(train(model, colourSplit(39, 15), {...short, checkpoint: {store}, resume: true}));
      await expectSameWeights(model, before);
    });

    it('are passed over where they are damaged, for the good one beside them', async () => {
      const whole = made(droppingModel(1));
      await train(whole, SPLIT, short);
      const weights = await weightsOf(whole);
      const name = newest(store);
      const good = store.files.get(name)!;
      const damages: [string, (bytes: Uint8Array) => Uint8Array][] = [
        ['cut short', (bytes) => bytes.slice(0, -9)],
        ['empty', () => new Uint8Array(0)],
        ['another file', () => new TextEncoder().encode('{"not": "a checkpoint"}')],
        ['longer', (bytes) => Uint8Array.of(...bytes, 0)],
        ...Array.from({length: 12}, (_, i): [string, (bytes: Uint8Array) => Uint8Array] => [
          `a bit of byte ${Math.floor((i * good.length) / 12)}`,
          (bytes) => {
            const at = Math.floor((i * bytes.length) / 12);
            return Uint8Array.from(bytes, (byte, k) => (k === at ? byte ^ 4 : byte));
          },
        ]),
      ];
      const files = new Map(store.files);
      for (const [what, damage] of damages) {
        const place = memoryStore(new Map(files).set(name, damage(good)));
        const warnings: string[] = [];
        const model = made(droppingModel(2));
        const checkpoint = {store: place, onWarning: (message: string) => void warnings.push(message)};
        await train(model, SPLIT, {...short, checkpoint, resume: true});
        expect(warnings, what).to.have.length(1);
        expect(warnings[0]).to.match(
          new RegExp(
            `train: memory: ${name}: a checkpoint must be whole; got .*The training goes on from checkpoint-`,
          ),
        );
        await expectSameWeights(model, weights);
        expect([...place.files.keys()], what)
          .to.have.length(2)
          .and.not.to.include(name);
      }
    });

    it('are an error where all are damaged', async () => {
      for (const [name, bytes] of store.files) store.files.set(name, bytes.subarray(1));
      const error = await rejection(goOn());
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(
        /one of the checkpoints must be whole; got none\. .*Remove them to train anew/,
      );
    });

    it('give the result again where the training has ended', async () => {
      const model = made(droppingModel(3));
      const history = await train(model, SPLIT, {...short, checkpoint: {store}, resume: true});
      const again = made(droppingModel(4));
      const result = await train(again, SPLIT, {
        ...{...short, checkpoint: {store}, resume: true},
        onBatch: () => expect.fail('no step should be taken'),
      });
      expect(result).to.deep.equal(history);
      expect(result.evaluation!.predictions).to.be.instanceOf(Int32Array);
      await expectSameWeights(again, await weightsOf(model));
    });
  });

  describe('on a disk', () => {
    before(() => tf.setBackend('cpu'));

    /** Whose writes fail from the `first` on, counted from 0. */
    const failing = (first: number): MemoryStore => {
      const store = memoryStore();
      let writes = 0;
      const write: CheckpointStore['write'] = async (name, bytes) => {
        if (writes++ >= first)
          throw new CheckpointError('checkpoint(x): the file must be one that can be written.');
        store.files.set(name, bytes);
      };
      return {...store, write};
    };

    it('that cannot be written to stop the training before its first step', async () => {
      const error = await rejection(
        train(made(droppingModel(1)), SPLIT, {
          ...{...OPTIONS, checkpoint: {store: failing(0)}},
          onBatch: () => expect.fail('no step should be taken'),
        }),
      );
      expect(error).to.be.instanceOf(CheckpointError);
    });

    it('that becomes full leave the training to go on, with one warning, and the older ones', async () => {
      const store = failing(4);
      const warnings: string[] = [];
      const onWarning = (message: string) => void warnings.push(message);
      const model = made(droppingModel(10));
      await train(model, SPLIT, {...OPTIONS, checkpoint: {store, everySeconds: 1e-9, onWarning}});
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(
        /a checkpoint cannot be written, the training goes on without it: checkpoint\(x\)/,
      );
      expect(store.files.size).to.equal(2);
      const again = made(droppingModel(20));
      await train(again, SPLIT, {...OPTIONS, checkpoint: {store: memoryStore(store.files)}, resume: true});
      await expectSameWeights(again, await weightsOf(model));
    });
  });

  describe('of a training whose loss becomes NaN', () => {
    before(() => tf.setBackend('cpu'));
    const diverging = {...OPTIONS, schedule: (step: number) => (step === 7 ? 1e38 : 1e-3)};

    for (const saves of [true, false]) {
      it(`${saves ? 'are kept' : 'or not'}: the model has its last good weights`, async () => {
        const store = memoryStore();
        const model = made(droppingModel(10));
        const before = tf.memory().numTensors;
        const checkpoint = saves ? {store, everySeconds: 1e-9} : undefined;
        const error = await rejection(train(model, SPLIT, {...diverging, checkpoint}));
        expect(error).to.be.instanceOf(SwintError);
        expect(tf.memory().numTensors).to.equal(before);
        const [, epoch, step] =
          /the model has the weights of epoch (\d), step (\d)/.exec(error.message) ?? [];
        expect(error.message).to.match(
          /^train: the (loss|weights) must stay finite; got .* in epoch 2, step \d of 5;/,
        );
        const reference = made(droppingModel(10));
        const steps = 5 * (Number(epoch) - 1) + Number(step);
        expect(steps).to.equal(saves ? 7 : 5);
        await train(reference, SPLIT, {
          ...{...OPTIONS, schedule: () => 1e-3, epochs: 1, stepsPerEpoch: steps},
        });
        await expectSameWeights(model, await weightsOf(reference));
        if (!saves) return;
        // The newest checkpoint has them too.
        expect(store.files.size).to.be.at.least(1);
        const again = made(droppingModel(20));
        const second = await rejection(train(again, SPLIT, {...diverging, checkpoint, resume: true}));
        expect(second.message).to.match(/must stay finite/);
        await expectSameWeights(again, await weightsOf(model));
      });
    }
  });
});
