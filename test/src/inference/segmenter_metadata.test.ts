import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {describeSegmenter, segmenterMetadata} from '../../../src/inference/segmenter_metadata.js';
import {evaluateSegmentation} from '../../../src/training/evaluate_segmentation.js';
import {predictSegmentation} from '../../../src/training/predict_segmentation.js';
import {errorOf} from '../data/memory_dataset.js';

/** Channels last; class 1 where the normalised red is above 0. */
function redSegmenter(): tf.LayersModel {
  const kernel = tf.tensor4d([0, 1, 0, 0, 0, 0], [1, 1, 3, 2]);
  const input = tf.input({shape: [null, null, 3]});
  const layer = tf.layers.conv2d({filters: 2, kernelSize: 1, useBias: false, weights: [kernel]});
  return tf.model({inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor});
}

const image = {data: Uint8Array.from([100, 0, 0, 200, 0, 0]), width: 2, height: 1};

describe('what a segmentation model says of itself', () => {
  before(() => tf.setBackend('cpu'));

  it('is how predictSegmentation prepares images, where it is not told otherwise', async () => {
    const model = redSegmenter();
    expect(segmenterMetadata(model)).to.deep.equal({});
    describeSegmenter(model, {mean: [0.5, 0, 0], std: [1, 1, 1], dataFormat: 'channelsLast'});
    expect([...(await predictSegmentation(model, image)).mask]).to.deep.equal([0, 1]);
    // 200 / 255 < 0.9.
    const told = {mean: [0.9, 0, 0], std: undefined};
    expect([...(await predictSegmentation(model, image, told)).mask]).to.deep.equal([0, 0]);

    const dataset = {
      ...{name: 'two pixels', size: 1, channels: 3, classNames: ['dark', 'red'], imageName: () => 'a'},
      read: async () => ({...image, mask: Uint8Array.from([0, 1])}),
    };
    expect((await evaluateSegmentation(model, dataset)).pixelAccuracy).to.equal(1);
    expect((await evaluateSegmentation(model, dataset)).rand).to.equal(null);
    const perfect = {score: 1, split: 1, merge: 1};
    expect((await evaluateSegmentation(model, dataset, {border: 0})).rand).to.deep.equal(perfect);
    describeSegmenter(model, {border: 'dark'});
    expect((await evaluateSegmentation(model, dataset)).rand).to.deep.equal(perfect);
    const error = await errorOf(() => evaluateSegmentation(model, dataset, {border: 2}));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/border must be .*; got 2 \(the index of a class\)/);
  });

  it('is checked as options are', async () => {
    const model = redSegmenter();
    describeSegmenter(model, {mean: [0.5], std: [1, 1, 1], dataFormat: 'channelsLast'});
    const error = await errorOf(() => predictSegmentation(model, image));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/mean must be/);
  });
});
