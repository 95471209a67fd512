/**
 * `pretrained` in production builds, run in headless Chromium: Vite and webpack copy the files of a network by themselves;
 * after Rollup and esbuild the page says where it serves them, and one that does not is told how to.
 *
 * Works on `dist`, which `npm test` builds first.
 */
import {readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../architectures/swin_resnet.js';
import {describeClassifier} from '../../src/inference/classifier_metadata.js';
import {classify} from '../../src/inference/classify.js';
import {saveModel} from '../../src/node/save_model.js';
import {pretrainedModels} from '../../src/pretrained_models.js';
import {inChromium, needsChromium} from '../helpers/chromium.js';
import {bundlers} from './bundlers.js';
import {filesIn, makeProject} from './project.js';

const NAME = 'swin-resnet-cifar10';

const program = `
  import * as tf from '@tensorflow/tfjs';
  import {classify, pretrained} from 'tfjs-swint';
  globalThis.named = async (options) => {
    await tf.setBackend('cpu');
    const picture = {width: 20, height: 10, data: new Uint8Array(20 * 10 * 3).fill(90)};
    try {
      return {predictions: await classify(await pretrained('${NAME}', options), picture)};
    } catch ({name, message}) {
      return {error: name + ': ' + message};
    }
  };`;

interface Answer {
  predictions?: {label: string; probability: number}[];
  error?: string;
}

describe('pretrained, bundled', () => {
  let project: string;
  let expected: {label: string; probability: number}[];
  const networks = () => join(project, 'node_modules/tfjs-swint/pretrained');

  before(async function () {
    needsChromium(this);
    await tf.setBackend('cpu');
    project = makeProject({named: program});
    const model = swinResNet({
      depth: 14,
      inputShape: [3, 16, 16],
      widths: [4, 4, 8],
      numClasses: 10,
      seed: 4,
    });
    const {classNames} = pretrainedModels[NAME];
    const scaling = {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]};
    describeClassifier(model, {classNames, ...scaling, dataFormat: 'channelsFirst', imageSize: [16, 16]});
    const folder = join(networks(), NAME);
    rmSync(folder, {recursive: true});
    await saveModel(model, folder);
    const picture = {width: 20, height: 10, data: new Uint8Array(20 * 10 * 3).fill(90)};
    expected = await classify(model, picture);
    model.dispose();
  });
  after(() => {
    if (project) rmSync(project, {recursive: true, force: true});
  });

  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`by ${name}`, async () => {
      const out = join(project, name);
      await bundle(project, ['named'], out);
      const follows = ['Vite', 'webpack'].includes(name);
      const weights = readFileSync(join(networks(), NAME, 'weights.bin'));
      const copies = readdirSync(out, {recursive: true, encoding: 'utf8'}).filter(
        (file) => file.endsWith('.bin') && readFileSync(join(out, file)).equals(weights),
      );
      expect(copies.length).to.equal(follows ? 1 : 0);
      const served = [...filesIn(networks())].map(([path, file]) => [`/static${path}`, file] as const);
      const answer = (options?: object) =>
        inChromium(new Map([...filesIn(out), ...served]), async (tab, address) => {
          await tab.goto(`${address}/named.html`, {waitUntil: 'load'});
          return tab.evaluate(
            (given) => (globalThis as unknown as {named(given?: object): Promise<Answer>}).named(given),
            options,
          );
        });
      for (const options of [undefined, {baseUrl: '/static'}]) {
        const {predictions, error} = await answer(options);
        if (options === undefined && !follows) {
          expect(error).to.match(/^CheckpointError: pretrained\(swin-resnet-cifar10\): .*404/);
          expect(error).to.contain('copy node_modules/tfjs-swint/pretrained beside the page');
          continue;
        }
        expect(error).to.equal(undefined);
        expect(predictions!.map(({label}) => label)).to.deep.equal(expected.map(({label}) => label));
        for (const [i, {probability}] of predictions!.entries()) {
          expect(probability).to.be.closeTo(expected[i]!.probability, 1e-5);
        }
      }
    });
  }
});
