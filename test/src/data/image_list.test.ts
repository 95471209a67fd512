import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinUNet} from '../../../architectures/index.js';
import {type ImageInput, rgbImage} from '../../../src/data/image_input.js';
import {imageList} from '../../../src/data/image_list.js';
import {ConfigError, DataError, ShapeError} from '../../../src/errors.js';
import {attentionMaps} from '../../../src/inference/attention_maps.js';
import {classify} from '../../../src/inference/classify.js';
import {predictSegmentation} from '../../../src/training/predict_segmentation.js';
import {errorOf} from './memory_dataset.js';

const bytes = (seed: number) => Uint8Array.from({length: 4 * 4 * 3}, (_, i) => (seed * 91 + i * 37) % 256);
const picture = (seed: number) => ({data: bytes(seed), width: 4, height: 4});
const batchOf = (...seeds: number[]) =>
  tf.tensor4d(
    seeds.flatMap((seed) => [...bytes(seed)]),
    [seeds.length, 4, 4, 3],
    'int32',
  );

/** An object of the form that tfjs-image-recognition-base gives its networks. */
const netInput = (inputs: unknown[], isBatchInput = inputs.length > 1) => ({
  batchSize: inputs.length,
  isBatchInput,
  getInput: (i: number) => inputs[i],
});

/** A canvas that only its own context can read, as one of a package for Node is. */
const foreignCanvas = (seed: number) => ({
  width: 4,
  height: 4,
  getContext: (kind: string) => {
    expect(kind).to.equal('2d');
    const data = new Uint8ClampedArray(64).fill(255);
    for (let i = 0; i < 16; i++) data.set(bytes(seed).subarray(3 * i, 3 * i + 3), 4 * i);
    return {getImageData: (_x: number, _y: number, width: number, height: number) => ({data, width, height})};
  },
});

const meanModel = () =>
  tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({inputShape: [3, 4, 4], dataFormat: 'channelsFirst'}),
      tf.layers.dense({units: 3, kernelInitializer: 'identity'}),
    ],
  });

describe('several images in one value', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  it('are a list of images, each of which is read as it comes', async () => {
    const batch = batchOf(1, 2);
    const single = batchOf(3);
    const flat = tf.tensor3d(bytes(4), [4, 4, 3], 'int32');
    const cases: [given: unknown, seeds: number[], several: boolean][] = [
      [picture(1), [1], false],
      [[picture(1)], [1], true],
      [batch, [1, 2], true],
      [single, [3], true],
      [netInput([single, flat, foreignCanvas(5)]), [3, 4, 5], true],
      [netInput([flat]), [4], false],
      [netInput([flat], true), [4], true],
    ];
    for (const [given, seeds, several] of cases) {
      const list = await imageList<ImageInput>('test', given as ImageInput);
      expect(list.several).to.equal(several);
      const read = await Promise.all(list.images.map((image) => rgbImage('test', image)));
      expect(read).to.deep.equal(seeds.map(picture));
    }
    for (const tensor of [batch, single, flat]) expect(tensor.isDisposed).to.equal(false);
    tf.dispose([batch, single, flat]);
  });

  it('give a list of results, from classify, predictSegmentation and attentionMaps alike', async () => {
    const batch = batchOf(1, 2);
    const scaling = {mean: [0, 0, 0], std: [1, 1, 1]};
    const classifier = meanModel();
    const segmenter = swinUNet({
      ...{numClasses: 2, embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 2, patchSize: 1, seed: 1},
    });
    const before = tf.memory().numTensors;
    const [first, second] = [picture(1), picture(2)];
    for (const given of [batch, netInput([first, second])]) {
      expect(await classify(classifier, given as tf.Tensor4D, scaling)).to.deep.equal(
        await classify(classifier, [first, second], scaling),
      );
      expect(await predictSegmentation(segmenter, given as tf.Tensor4D)).to.deep.equal([
        await predictSegmentation(segmenter, first),
        await predictSegmentation(segmenter, second),
      ]);
      expect(await attentionMaps(segmenter, given as tf.Tensor4D)).to.deep.equal([
        await attentionMaps(segmenter, first),
        await attentionMaps(segmenter, second),
      ]);
    }
    expect(await classify(classifier, netInput([first]), scaling)).to.deep.equal(
      await classify(classifier, first, scaling),
    );
    expect(tf.memory().numTensors).to.equal(before);
    batch.dispose();
    classifier.dispose();
    segmenter.dispose();
  });

  it('are told apart in errors', async () => {
    const [classifier, segmenter] = [
      meanModel(),
      swinUNet({numClasses: 2, depths: [2], numHeads: [1], embedDim: 8}),
    ];
    const images = [picture(1), {}] as ImageInput[];
    const runs: [string, () => Promise<unknown>][] = [
      ['classify', () => classify(classifier, images)],
      ['predictSegmentation', () => predictSegmentation(segmenter, images)],
      ['attentionMaps', () => attentionMaps(segmenter, images)],
    ];
    for (const [name, run] of runs) {
      const error = await errorOf(run);
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.include(`${name}(image 1): an image must be`);
    }
    classifier.dispose();
    segmenter.dispose();
  });

  it('are refused where they are no images of bytes', async () => {
    const fractions = tf.fill([1, 2, 2, 3], 0.5);
    const planes = tf.zeros([2, 3, 4, 5]);
    const error = await errorOf(() => imageList('test', fractions as tf.Tensor4D));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/^test: the tensor of an image must hold whole numbers/);
    const shape = await errorOf(() => imageList('test', planes as tf.Tensor4D));
    expect(shape).to.be.instanceOf(ShapeError);
    expect(shape.message).to.match(/must be \[batch, height, width, 3\]; got \[2, 3, 4, 5\]/);
    tf.dispose([fractions, planes]);
    for (const [canvas, words] of [
      [{...foreignCanvas(1), getContext: () => null}, /got 4x4 without that context/],
      [{...foreignCanvas(1), width: 0}, /got 4x0\./],
    ] as const) {
      const unreadable = await errorOf(() => rgbImage('test', canvas as unknown as ImageInput));
      expect(unreadable).to.be.instanceOf(DataError);
      expect(unreadable.message)
        .to.match(/^test: a canvas must have pixels/)
        .and.match(words);
    }
  });
});

describe('a prediction that is watched', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  it('tells how far it is, and ends with the reason of its signal', async () => {
    const classifier = meanModel();
    const segmenter = swinUNet({
      ...{numClasses: 2, embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 2, patchSize: 1, seed: 1},
    });
    const images = [0, 1, 2, 3, 4].map(picture);
    const before = tf.memory().numTensors;
    const told: object[] = [];
    const onProgress = (progress: object) => told.push(progress);
    await classify(classifier, images, {batchSize: 2, onProgress});
    expect(told.splice(0)).to.deep.equal([2, 4, 5].map((count) => ({images: count, total: 5})));
    await predictSegmentation(segmenter, images.slice(0, 2), {tile: [4, 2], overlap: 0, onProgress});
    expect(told.splice(0)).to.deep.equal(
      [0, 1].flatMap((image) => [1, 2].map((tiles) => ({image, images: 2, tiles, total: 2}))),
    );
    await attentionMaps(segmenter, images.slice(0, 2), {onProgress});
    expect(told).to.deep.equal([1, 2].map((count) => ({images: count, total: 2})));

    const reason = new Error('enough');
    const runs = [
      (options: object) => classify(classifier, images, {...options, batchSize: 2}),
      (options: object) => predictSegmentation(segmenter, images, options),
      (options: object) => attentionMaps(segmenter, images, options),
    ];
    for (const run of runs) {
      const controller = new AbortController();
      let calls = 0;
      const stop = () => {
        calls++;
        controller.abort(reason);
      };
      expect(await errorOf(() => run({signal: controller.signal, onProgress: stop}))).to.equal(reason);
      expect(calls).to.equal(1);
      expect(await errorOf(() => run({signal: controller.signal, onProgress: stop}))).to.equal(reason);
      expect(calls).to.equal(1);
      // A signal that comes by the event loop is heard between two parts of the work.
      const later = new AbortController();
      setImmediate(() => later.abort(reason));
      expect(await errorOf(() => run({signal: later.signal}))).to.equal(reason);
      for (const options of [{signal: 1}, {onProgress: 1}]) {
        expect(await errorOf(() => run(options))).to.be.instanceOf(ConfigError);
      }
    }
    expect(tf.memory().numTensors).to.equal(before);
    classifier.dispose();
    segmenter.dispose();
  });
});
