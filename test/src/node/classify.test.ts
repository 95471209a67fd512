import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {PNG} from 'pngjs';
import {swinT} from '../../../layers/index.js';
import {DataError} from '../../../src/errors.js';
import {attentionMaps} from '../../../src/node/attention_maps.js';
import {classify, preprocess} from '../../../src/node/classify.js';
import {decodeImage} from '../../../src/node/image_file.js';
import {predictSegmentation} from '../../../src/node/predict_segmentation.js';
import {errorOf} from '../data/memory_dataset.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

/** Outputs are the means of red, green and blue, 0 to 1, as they are. */
function meanModel(): tf.Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({inputShape: [3, 8, 8], dataFormat: 'channelsFirst'}),
      tf.layers.dense({units: 3, useBias: false}),
    ],
  });
  const kernel = tf.eye(3);
  model.layers[1]!.setWeights([kernel]);
  kernel.dispose();
  return model;
}

const options = {mean: [0, 0, 0], std: [1, 1, 1], labels: ['red', 'green', 'blue'], topK: 1};
const cmyk = fileURLToPath(new URL('../../golden/images/cmyk.jpg', import.meta.url));

describe('classify and preprocess of files', () => {
  const path = temporaryFolder();
  let model: tf.Sequential;
  before(async () => {
    await tf.setBackend('cpu');
    model = meanModel();
  });
  after(() => model.dispose());

  it('take paths, the bytes of files and images, mixed', async () => {
    await put(path('green.jpg'), jpegOf([10, 200, 10], 20, 12));
    const image = {data: Uint8Array.from({length: 12}, (_, i) => [200, 0, 0][i % 3]!), width: 2, height: 2};
    const [one] = await classify(model, path('green.jpg'), options);
    expect(one!.label).to.equal('green');
    const all = await classify(model, [path('green.jpg'), pngOf([0, 0, 9], 30), image], options);
    expect(all.map(([best]) => best!.label)).to.deep.equal(['green', 'blue', 'red']);

    const fromFile = await preprocess(path('green.jpg'), {imageSize: 8});
    const decoded = await preprocess(await decodeImage(path('green.jpg')), {imageSize: 8});
    expect(await fromFile.data()).to.deep.equal(await decoded.data());
    expect(fromFile.shape).to.deep.equal([1, 3, 8, 8]);
    tf.dispose([fromFile, decoded]);
  });

  it('see a JPEG of four inks and a PNG of 16 bits in their colours', async () => {
    // Left half cyan, right half yellow: green is in both.
    const [ink] = await classify(model, cmyk, options);
    expect(ink!.label).to.equal('green');
    const {data} = await decodeImage(await readFile(cmyk), {decoder: 'plain'});
    expect([...data.subarray(6, 9)].map((v) => v > 127)).to.deep.equal([false, true, true]);
    expect([...data.subarray(39, 42)].map((v) => v > 127)).to.deep.equal([true, true, false]);

    const deep = PNG.sync.write(
      {
        ...{width: 2, height: 1},
        data: Buffer.from(Uint16Array.from([0, 0, 0xc0c0, 0xffff, 0, 0x1000, 0xc0c0, 0xffff]).buffer),
      } as PNG,
      {bitDepth: 16, colorType: 6, inputColorType: 6},
    );
    expect((await classify(model, deep, options))[0]!.label).to.equal('blue');
  });

  it('are joined by attentionMaps and by several images for predictSegmentation', async () => {
    const bytes = pngOf([9, 200, 10], 6, 5);
    await put(path('small.png'), bytes);
    const swin = tf.sequential({
      layers: [swinT({inputShape: [3, null, null], outChannels: 2, numHeads: 1, windowSize: 4, seed: 1})],
    });
    const image = await decodeImage(bytes);
    const sources = [path('small.png'), bytes, image];
    const maps = await attentionMaps(swin, sources);
    const masks = await predictSegmentation(swin, sources);
    for (const [i, source] of sources.entries()) {
      expect(maps[i]).to.deep.equal(await attentionMaps(swin, source));
      expect(maps[i]!.rollout).to.deep.equal(maps[0]!.rollout);
      expect(masks[i]).to.deep.equal(await predictSegmentation(swin, source));
    }
    expect([maps[0]!.rollout.width, maps[0]!.rollout.height]).to.deep.equal([6, 5]);
    swin.dispose();
  });

  it('name what is no image', async () => {
    await put(path('text.jpg'), 'no image at all');
    const cut = pngOf([1, 2, 3], 20).subarray(0, 60);
    const cases: [string | Uint8Array, RegExp][] = [
      [path('text.jpg'), /text\.jpg\): the image must be JPEG or PNG; got 15 bytes/],
      [path('missing.png'), /missing\.png\): the file must be readable.*ENOENT/],
      [cut, /decodeImage\(classify\(image 1\)\): the PNG must be complete/],
      [new Uint8Array(0), /must be JPEG or PNG; got 0 bytes/],
    ];
    for (const [source, message] of cases) {
      const before = tf.memory().numTensors;
      const error = await errorOf(() => classify(model, [pngOf([1, 2, 3]), source], options));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(message);
      expect(tf.memory().numTensors).to.equal(before);
    }
  });
});
