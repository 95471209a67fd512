import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';

/** Every kind of picture that a page has, of the same pixels, prepared and classified. */
const program = `
  import * as tf from '@tensorflow/tfjs';
  import {classify, overlayMask, predictSegmentation, preprocess} from './src/index.ts';

  const [width, height] = [40, 30];
  const bytes = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % 4 === 3 ? 255 : (i * 37 + (i >> 6)) % 256;

  globalThis.finished = (async () => {
    await tf.setBackend('cpu');
    const canvas = Object.assign(document.createElement('canvas'), {width, height});
    const data = new ImageData(bytes, width, height);
    canvas.getContext('2d').putImageData(data, 0, 0);
    const offscreen = new OffscreenCanvas(width, height);
    offscreen.getContext('2d').putImageData(data, 0, 0);
    const img = new Image();
    img.src = canvas.toDataURL('image/png');
    img.width = 7; // The size it is shown at, which is not that of its pixels.
    const empty = await preprocess(new Image()).catch(({name, message}) => name + ': ' + message);
    await img.decode();
    const pictures = {
      canvas, offscreen, img, data,
      bitmap: await createImageBitmap(data),
      tensor: tf.browser.fromPixels(canvas),
    };
    const config = {imageSize: 16, mean: [0, 0, 0], std: [1, 1, 1]};
    const values = {};
    for (const [name, picture] of Object.entries(pictures)) {
      values[name] = Array.from(await (await preprocess(picture, config)).data(), (v) => Math.round(v * 255));
    }
    const model = tf.sequential({layers: [
      tf.layers.globalAveragePooling2d({inputShape: [3, 16, 16], dataFormat: 'channelsFirst'}),
      tf.layers.dense({units: 3, kernelInitializer: 'identity'}),
    ]});
    const results = await classify(model, [canvas, img], {labels: ['red', 'green', 'blue']});
    const element = await preprocess(document.createElement('p')).catch(({message}) => message);
    const segmenter = tf.sequential({layers: [
      tf.layers.conv2d({inputShape: [3, null, null], filters: 3, kernelSize: 1, dataFormat: 'channelsFirst'}),
    ]});
    segmenter.setWeights([tf.eye(3).reshape([1, 1, 3, 3]), tf.zeros([3])]);
    const masks = {};
    for (const [name, picture] of Object.entries(pictures)) {
      const {mask, width, height} = await predictSegmentation(segmenter, picture);
      masks[name] = [width, height, ...mask];
    }
    const painted = overlayMask(data, masks.data.slice(2), {opacity: 1});
    return {masks, painted: [...painted.data], values, labels: results.map(([best]) => best.label), empty, element};
  })();`;

interface Outcome {
  masks: Record<string, number[]>;
  painted: number[];
  values: Record<string, number[]>;
  labels: string[];
  empty: string;
  element: string;
}

describe('pictures of a page', () => {
  it('are prepared alike, whatever holds them', async function () {
    needsChromium(this);
    const outcome = await inChromium(await pageOf(program), async (page, address) => {
      await page.goto(address, {waitUntil: 'load'});
      return page.evaluate(() => (globalThis as unknown as {finished: Promise<Outcome>}).finished);
    });
    const {data: expected, ...others} = outcome.values;
    expect(expected).to.have.length(3 * 16 * 16);
    expect(new Set(expected).size).to.be.above(20);
    expect(Object.keys(others)).to.have.length(5);
    for (const [name, values] of Object.entries(others)) expect(values, name).to.deep.equal(expected);
    const {data: mask, ...masks} = outcome.masks;
    expect(mask).to.have.length(2 + 40 * 30);
    expect(new Set(mask.slice(2)).size).to.equal(3);
    expect(Object.keys(masks)).to.have.length(5);
    for (const [name, one] of Object.entries(masks)) expect(one, name).to.deep.equal(mask);
    expect(outcome.painted).to.have.length(3 * 40 * 30);
    expect(outcome.labels[0]).to.equal(outcome.labels[1]);
    expect(outcome.empty).to.match(
      /^DataError: preprocess: a picture must be loaded and have pixels; got 0x0/,
    );
    expect(outcome.element).to.match(
      /what a canvas can draw; got an object of the class HTMLParagraphElement/,
    );
  });
});
