import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batches} from '../../../src/data/batches.js';
import {ConfigError} from '../../../src/errors.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {errorOf} from '../data/memory_dataset.js';
import {colourSplit} from './colour_squares.js';

const plain = {mean: [0, 0, 0], std: [1, 1, 1]};

function linearModel(zeros = false): tf.Sequential {
  const kernelInitializer = zeros ? tf.initializers.zeros() : tf.initializers.glorotUniform({seed: 1});
  return tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [3, 4, 4]}),
      tf.layers.dense({units: 3, useBias: false, kernelInitializer}),
    ],
  });
}

/** A model for images of any size. */
function poolingModel(inputShape: (number | null)[] = [3, null, null]): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({dataFormat: 'channelsFirst', inputShape: inputShape as number[]}),
      tf.layers.dense({units: 3, kernelInitializer: tf.initializers.glorotUniform({seed: 1})}),
    ],
  });
}

/** Trains, and returns the heights and widths that the model was given in training. */
async function sizesOf(model: tf.Sequential, options: TrainOptions): Promise<string[]> {
  const sizes: string[] = [];
  const apply = model.apply.bind(model);
  model.apply = (inputs, kwargs) => {
    if (kwargs?.training === true) sizes.push((inputs as tf.Tensor).shape.slice(2).join('x'));
    return apply(inputs, kwargs);
  };
  await train(model, colourSplit(), {...plain, batchSize: 16, ...options});
  model.dispose();
  return sizes;
}

describe('images of a training', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  for (const mixing of [{mixup: 0.7}, {cutmix: 1}]) {
    it(`takes the first step on soft targets as computed by hand: ${Object.keys(mixing)}`, async () => {
      const model = linearModel(true);
      const split = colourSplit();
      const smoothing = 0.2;
      const optimizer = tf.train.sgd(1);
      let accuracy = Number.NaN;
      await train(model, split, {
        ...{...plain, ...mixing, epochs: 1, batchSize: 12, stepsPerEpoch: 1, seed: 4},
        ...{labelSmoothing: smoothing, optimizer, schedule: () => 0.5},
        onBatch: (report) => {
          accuracy = report.accuracy;
        },
      });
      optimizer.dispose();
      const drawn = batches(split.train, {...plain, ...mixing, batchSize: 12, shuffle: true, seed: 4});
      const {images, labels, indices, mix} = (await drawn.next()).value!;
      await drawn.return();
      const values = await images.data();
      tf.dispose([images, labels]);
      const {partners, share} = mix!;
      expect(share).to.be.within(0.01, 0.99);
      const expected = new Float64Array(48 * 3);
      let firstClass = 0;
      for (const [place, partner] of partners.entries()) {
        const [own, other] = [indices[place] % 3, indices[partner] % 3];
        if ((share > 0.5 ? own : other) === 0) firstClass++;
        for (let k = 0; k < 3; k++) {
          const hard = (k === own ? share : 0) + (k === other ? 1 - share : 0);
          const target = (1 - smoothing) * hard + smoothing / 3;
          // All logits are 0: softmax is 1/3 everywhere.
          for (let at = 0; at < 48; at++) {
            expected[at * 3 + k] -= (0.5 * values[place * 48 + at] * (1 / 3 - target)) / 12;
          }
        }
      }
      const kernel = await model.getWeights()[0].data();
      for (const [i, value] of expected.entries()) expect(kernel[i]).to.be.closeTo(value, 1e-6);
      // Equal logits give the first class.
      expect(accuracy).to.be.closeTo(firstClass / 12, 1e-6);
      model.dispose();
    });
  }

  it('passes every change on to the batches, and is decided by the seed', async () => {
    const trained = async (options: TrainOptions) => {
      const model = linearModel();
      await train(model, colourSplit(), {...plain, epochs: 2, batchSize: 16, ...options});
      const weights = Array.from(await model.getWeights()[0].data());
      model.dispose();
      return weights.join();
    };
    const all = [
      {},
      {flip: true},
      {flip: 'alternating' as const},
      {cropPadding: 2},
      {cropPadding: 2, paddingMode: 'reflect' as const},
      {randomErasing: 0.5},
      {randomErasing: {probability: 0.5, fill: 'mean' as const}},
      {mixup: 1},
      {cutmix: 1},
    ];
    const results: string[] = [];
    for (const options of all) results.push(await trained(options));
    expect(new Set(results).size).to.equal(all.length);
    const together = {flip: 'alternating', randomErasing: 0.5, mixup: 0.2, cutmix: 1} as const;
    expect(await trained(together)).to.equal(await trained(together));
    expect(await trained(together)).not.to.equal(await trained({...together, seed: 1}));
  });

  it('keeps no tensor of mixed batches', async () => {
    const model = linearModel();
    const run = () => train(model, colourSplit(), {epochs: 1, batchSize: 16, mixup: 1, testViews: 6});
    await run();
    const held = tf.memory().numTensors;
    await run();
    expect(tf.memory().numTensors).to.equal(held);
    model.dispose();
  });

  it('progressiveResizing: the first share of the steps on smaller images, in whatever epochs they are', async () => {
    const progressiveResizing = {from: 2, until: 0.5};
    const sizes = (small: number, full: number) => [
      ...new Array<string>(small).fill('2x2'),
      ...new Array<string>(full).fill('4x4'),
    ];
    // Three steps are one pass over the 48 images.
    expect(await sizesOf(poolingModel(), {epochs: 3, progressiveResizing})).to.deep.equal(sizes(5, 4));
    expect(await sizesOf(poolingModel(), {epochs: 4, stepsPerEpoch: 2, progressiveResizing})).to.deep.equal(
      sizes(4, 4),
    );
    expect(await sizesOf(poolingModel(), {epochs: 1})).to.deep.equal(sizes(0, 3));
    const mixed = {mixup: 1, cutmix: 1, cropPadding: 1, progressiveResizing};
    expect(await sizesOf(poolingModel(), {epochs: 2, ...mixed})).to.deep.equal(sizes(3, 3));
  });

  it('progressiveResizing follows the time where that is over before the steps', async () => {
    const {now} = performance;
    // A clock of its own, so that a busy machine changes nothing.
    let time = 0;
    performance.now = () => {
      time += 10;
      return time;
    };
    try {
      const progressiveResizing = {from: 2, until: 0.5};
      const limited = {epochs: 1, stepsPerEpoch: 1_000_000, maxSeconds: 2, progressiveResizing};
      const sizes = await sizesOf(poolingModel(), limited);
      const small = sizes.filter((size) => size === '2x2').length;
      expect(sizes).to.deep.equal(sizes.toSorted());
      expect(small / sizes.length).to.be.within(0.3, 0.7);
    } finally {
      performance.now = now;
    }
  });

  it('testViews: the tests after the epochs take one view, the one at the end as many as asked for', async () => {
    const model = linearModel();
    const split = colourSplit();
    const tested: number[] = [];
    const history = await train(model, split, {
      ...{...plain, epochs: 2, batchSize: 16, learningRate: 0.01, testViews: 6},
      onTestBatch: ({epoch, images}) => tested.push(epoch, images),
    });
    expect(tested).to.deep.equal([1, 21, 2, 21, 2, 21]);
    const once = await evaluate(model, split.test, plain);
    const views = await evaluate(model, split.test, {...plain, views: 6});
    expect(history.epochs[1].testLoss).to.equal(once.loss);
    expect(history.evaluation!.loss).to.equal(views.loss);
    expect(views.loss).not.to.equal(once.loss);
    expect(history.testViews).to.equal(6);
    model.dispose();
  });

  it('testViews: tests the weights that are put back, and keeps the last test where the signal comes first', async () => {
    const split = colourSplit();
    const model = linearModel();
    // The second epoch's rate ruins the weights.
    const schedule = (step: number) => (step < 3 ? 0.05 : 1e4);
    const best = {epochs: 2, batchSize: 16, schedule, restoreBest: true, testViews: 2} as const;
    const history = await train(model, split, {...plain, ...best});
    expect(history.restoredEpoch).to.equal(1);
    expect(history.evaluation!.loss).to.equal((await evaluate(model, split.test, {...plain, views: 2})).loss);
    const controller = new AbortController();
    let tests = 0;
    const stopped = await train(model, split, {
      ...{...plain, epochs: 1, batchSize: 16, learningRate: 0.001, testViews: 2, signal: controller.signal},
      onTestBatch: () => {
        if (++tests === 2) controller.abort();
      },
    });
    expect([stopped.stopped, stopped.testViews, stopped.evaluation!.loss]).to.deep.equal([
      ...['aborted', 1],
      stopped.epochs[0].testLoss,
    ]);
    model.dispose();
  });

  it('refuses what is out of range, or does not fit the model, in its own name', async () => {
    const cases: [TrainOptions, RegExp, tf.Sequential?][] = [
      [{flip: 'both' as 'alternating'}, /flip must be true, false or 'alternating'; got 'both'/],
      [{paddingMode: 'wrap' as 'zero'}, /paddingMode/],
      [{cropPadding: 4}, /cropPadding must be a whole number from 0 to 3; got 4/],
      [{mixup: -1}, /mixup must be a number from 0; got -1/],
      [{cutmix: Number.NaN}, /cutmix/],
      [{randomErasing: 1.1}, /randomErasing must be a number from 0 to 1; got 1\.1/],
      [{testViews: 3 as 2}, /testViews must be one of 1, 2, 6; got 3/],
      [{whitening: 'yes' as unknown as boolean}, /whitening must be true or false/],
      [{whitening: true}, /whitening must come with a model that has a convolution named 'whiten'/],
      [
        {progressiveResizing: {from: 2, until: 0.5}},
        /takes images of any height and width; got one for \[3, 4, 4\] \(build it with the inputShape \[3, null, null\]\)/,
      ],
      [{progressiveResizing: {from: 2, until: 0.5}}, /got one for \[3, 4, \*\]/, poolingModel([3, 4, null])],
      [
        {progressiveResizing: {from: 5, until: 0.5}},
        /from must be a whole number from 1 to 4; got 5/,
        poolingModel(),
      ],
      [
        {progressiveResizing: {from: 2, until: 2}},
        /until must be a number from 0 to 1; got 2/,
        poolingModel(),
      ],
      [{progressiveResizing: {from: 2, to: 0.5} as never}, /got to/, poolingModel()],
    ];
    for (const [options, message, model = linearModel()] of cases) {
      const error = await errorOf(() => train(model, colourSplit(), {batchSize: 16, ...options}));
      expect(error, JSON.stringify(options)).to.be.instanceOf(ConfigError);
      expect(error.message)
        .to.match(/^train: /)
        .and.match(message);
      model.dispose();
    }
  });
});
