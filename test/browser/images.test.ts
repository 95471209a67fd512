import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';

/** Every kind of picture that a page has, of the same pixels, prepared and classified. */
const program = `
  import * as tf from '@tensorflow/tfjs';
  import {attentionMaps, classify, overlayMask, predictSegmentation, preprocess, swinT} from './src/index.ts';

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
    // A video of that one picture. Its frames are compressed, so that they are compared with themselves alone.
    const video = Object.assign(document.createElement('video'), {muted: true, srcObject: canvas.captureStream(10)});
    const moving = setInterval(() => canvas.getContext('2d').putImageData(data, 0, 0), 50);
    await video.play();
    clearInterval(moving);
    const frame = new VideoFrame(canvas, {timestamp: 0});
    const pictures = {
      canvas, offscreen, img, data, frame,
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
    const labels = ['red', 'green', 'blue'];
    const results = await classify(model, [canvas, img], {labels});
    // What tfjs-image-recognition-base makes of an image element and a tensor.
    const netInput = {batchSize: 2, isBatchInput: true, getInput: (i) => [canvas, pictures.tensor.expandDims()][i]};
    const batch = tf.stack([pictures.tensor, pictures.tensor]);
    const several = [await classify(model, netInput, {labels}), await classify(model, batch, {labels})];
    const moved = await classify(model, video, {labels});
    video.srcObject.getTracks().forEach((track) => track.stop());
    const swin = tf.sequential({layers: [swinT({inputShape: [3, null, null], numHeads: 1, windowSize: 4})]});
    const rollouts = {};
    for (const [name, picture] of Object.entries(pictures)) {
      rollouts[name] = [...(await attentionMaps(swin, picture)).rollout.values];
    }
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
    return {rollouts, several, results, moved: moved.length, masks, painted: [...painted.data], values, labels: results.map(([best]) => best.label), empty, element};
  })();`;

interface Outcome {
  rollouts: Record<string, number[]>;
  several: unknown[];
  results: unknown;
  moved: number;
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
    expect(Object.keys(others)).to.have.length(6);
    for (const [name, values] of Object.entries(others)) expect(values, name).to.deep.equal(expected);
    const {data: mask, ...masks} = outcome.masks;
    expect(mask).to.have.length(2 + 40 * 30);
    expect(new Set(mask.slice(2)).size).to.equal(3);
    expect(Object.keys(masks)).to.have.length(6);
    for (const [name, one] of Object.entries(masks)) expect(one, name).to.deep.equal(mask);
    const {data: rollout, ...rollouts} = outcome.rollouts;
    expect(rollout).to.have.length(40 * 30);
    for (const [name, one] of Object.entries(rollouts)) expect(one, name).to.deep.equal(rollout);
    for (const one of outcome.several) expect(one).to.deep.equal(outcome.results);
    expect(outcome.moved).to.equal(3);
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
