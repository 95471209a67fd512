/**
 * `pretrained` in production builds, run in headless Chromium: Vite and webpack copy the files of a network by themselves;
 * after Rollup and esbuild the page says where it serves them, and one that does not is told how to.
 *
 * Works on `dist`, which `npm test` builds first.
 */
import {readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import type {Prediction} from '../../src/inference/classify.js';
import {inChromium, needsChromium} from '../helpers/chromium.js';
import {bundlers} from './bundlers.js';
import {filesIn, makeProject} from './project.js';
import {STAND_IN, writeStandIn} from './stand_in.js';

const picture = {width: 20, height: 10, data: new Uint8Array(20 * 10 * 3).fill(90)};

const program = `
  import * as tf from '@tensorflow/tfjs';
  import {classify, pretrained} from 'tfjs-swint';
  globalThis.named = async (options) => {
    await tf.setBackend('cpu');
    const picture = {width: 20, height: 10, data: new Uint8Array(20 * 10 * 3).fill(90)};
    try {
      return {predictions: await classify(await pretrained('${STAND_IN}', options), picture)};
    } catch ({name, message}) {
      return {error: name + ': ' + message};
    }
  };`;

interface Answer {
  predictions?: Prediction[];
  error?: string;
  /** Requests for files of a network, before the network is asked for and after. */
  fetched: {before: string[]; after: string[]};
}

describe('pretrained, bundled', () => {
  let project: string;
  let expected: Prediction[];
  const networks = () => join(project, 'node_modules/tfjs-swint/pretrained');

  before(async function () {
    needsChromium(this);
    project = makeProject({named: program});
    expected = await writeStandIn(networks(), picture);
  });
  after(() => {
    if (project) rmSync(project, {recursive: true, force: true});
  });

  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`by ${name}`, async () => {
      const out = join(project, name);
      await bundle(project, ['named'], out);
      const follows = ['Vite', 'webpack'].includes(name);
      const weights = readFileSync(join(networks(), STAND_IN, 'weights.bin'));
      const copies = readdirSync(out, {recursive: true, encoding: 'utf8'}).filter(
        (file) => file.endsWith('.bin') && readFileSync(join(out, file)).equals(weights),
      );
      expect(copies.length).to.equal(follows ? 1 : 0);
      const served = [...filesIn(networks())].map(([path, file]) => [`/static${path}`, file] as const);
      const answer = (options?: object) =>
        inChromium(new Map([...filesIn(out), ...served]), async (tab, address): Promise<Answer> => {
          let requests: string[] = [];
          tab.on('request', (request) => requests.push(request.url()));
          const ofNetworks = () => requests.filter((url) => /\.(bin|json)$/.test(url));
          await tab.goto(`${address}/named.html`, {waitUntil: 'load'});
          const before = ofNetworks();
          requests = [];
          const found = await tab.evaluate(
            (given) => (globalThis as unknown as {named(given?: object): Promise<Answer>}).named(given),
            options,
          );
          return {...found, fetched: {before, after: ofNetworks()}};
        });
      for (const options of [undefined, {baseUrl: '/static'}]) {
        const {predictions, error, fetched} = await answer(options);
        expect(fetched.before).to.deep.equal([]);
        if (options === undefined && !follows) {
          expect(error).to.match(/^CheckpointError: pretrained\(swin-resnet-cifar10\): .*404/);
          expect(error).to.contain('copy node_modules/tfjs-swint/pretrained beside the page');
          continue;
        }
        expect(error).to.equal(undefined);
        expect(fetched.after).to.have.length(2);
        expect(predictions!.map(({label}) => label)).to.deep.equal(expected.map(({label}) => label));
        for (const [i, {probability}] of predictions!.entries()) {
          expect(probability).to.be.closeTo(expected[i]!.probability, 1e-5);
        }
      }
    });
  }
});
