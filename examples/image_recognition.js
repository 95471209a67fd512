/**
 * A network of this library in a program that is built on tfjs-image-recognition-base, in Node with the canvas of
 * @napi-rs/canvas. Trains a small SwinResNet on drawn shapes, classifies a picture, writes the weights as files of that
 * package, and loads them into another network of the same form.
 *
 *   node examples/image_recognition.js [epochs] [folder] [picture]      default 6, weights/, and a circle
 *
 * The application's package.json gives both libraries one tfjs-core:
 *
 *   "overrides": {"tfjs-image-recognition-base": {"@tensorflow/tfjs-core": "$@tensorflow/tfjs-core"}}
 */
import {mkdir, writeFile} from 'node:fs/promises';
import {Canvas, createCanvas, Image, ImageData, loadImage} from '@napi-rs/canvas';
import * as tf from '@tensorflow/tfjs';
import * as base from 'tfjs-image-recognition-base';
import {setupBackend, shapesSplit, swinResNet, train} from 'tfjs-swint';
import {swinNet} from 'tfjs-swint/image-recognition';

const [epochs = 6, folder = 'weights', picture] = process.argv.slice(2);

// What the package finds in a browser by itself.
globalThis.ImageData = ImageData;
const createCanvasElement = () => createCanvas(1, 1);
const createImageElement = () => new Image();
base.env.monkeyPatch({Canvas, Image, ImageData, createCanvasElement, createImageElement});

function drawnCircle() {
  const context = createCanvas(64, 64).getContext('2d');
  context.fillStyle = 'navy';
  context.fillRect(0, 0, 64, 64);
  context.fillStyle = 'orange';
  context.arc(32, 32, 20, 0, 2 * Math.PI);
  context.fill();
  return context.canvas;
}

console.log(`backend: ${await setupBackend()}`);
const build = () => swinResNet({depth: 10, widths: [16, 32], numHeads: [2], numClasses: 10});
const data = shapesSplit({trainSize: 1600, testSize: 200, seed: 1});
const net = swinNet(base, build());
const {evaluation} = await train(net.model, data, {epochs: Number(epochs), learningRate: 0.005, seed: 1});
console.log(`test accuracy ${evaluation.accuracy}`);

const input = await base.toNetInput(picture ? await loadImage(picture) : drawnCircle());
for (const {label, probability} of await net.classify(input, {topK: 3})) {
  console.log(`${label}: ${(100 * probability).toFixed(1)} %`);
}

await mkdir(folder, {recursive: true});
const named = net.getParamList().map(({path, tensor}) => ({name: path, tensor}));
const {data: bytes, specs} = await tf.io.encodeWeights(named);
const manifest = [{paths: ['swin_model-shard1'], weights: specs}];
await writeFile(`${folder}/swin_model-shard1`, new Uint8Array(bytes));
await writeFile(`${folder}/swin_model-weights_manifest.json`, JSON.stringify(manifest));

const other = swinNet(base, build());
await other.loadFromDisk(folder);
// How pictures are prepared is not among the weights.
other.model.setUserDefinedMetadata(net.model.getUserDefinedMetadata());
const [first, second] = [await net.forward(input), await other.forward(input)];
const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(first, second))));
console.log(`loaded, it differs by ${(await difference.data())[0]}`);

tf.dispose([first, second, difference]);
net.dispose();
other.dispose();
