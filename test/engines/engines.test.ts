/**
 * Training, saving, loading and classifying in Node's other versions, in Deno and in Bun, on wasm: as an application does
 * it, on the packed library. Works on `dist`.
 */

import {execFile} from 'node:child_process';
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect} from 'chai';
import {makeProject} from '../bundlers/project.js';
import {ENGINES, engineProgram, whyMissing} from './engines.js';

const program = `
  import {writeFileSync} from 'node:fs';
  import * as tf from '@tensorflow/tfjs';
  import {backendReport, kernelsInUse, setupBackend, shapesSplit, swinResNet, train} from 'tfjs-swint';
  import {classify, encodePng, loadModel, saveModel} from 'tfjs-swint/node';

  const report = {};
  for (const threads of [1, 2]) {
    if (tf.findBackend('wasm')) tf.removeBackend('wasm');
    await setupBackend('wasm', {threads});
    const data = shapesSplit({trainSize: 64, testSize: 16, imageSize: 16, seed: 1});
    const model = swinResNet({depth: 10, inputShape: [3, 16, 16], widths: [8, 16], numHeads: [2], windowSize: 4, numClasses: 10, seed: 1});
    const {epochs} = await train(model, data, {epochs: 2, batchSize: 16, learningRate: 0.01, seed: 1});
    const folder = process.argv[2] + '/model' + threads;
    await saveModel(model, folder);
    const loaded = await loadModel(folder);
    const picture = await data.test.read(0);
    writeFileSync(folder + '.png', encodePng(picture, 16, 16));
    const best = async (one) => (await classify(one, folder + '.png', {topK: 1}))[0];
    report[threads] = {
      threads: backendReport().threads,
      backend: tf.getBackend(),
      attention: kernelsInUse().operations.SwintWindowAttention,
      losses: epochs.map(({trainLoss}) => trainLoss),
      before: await best(model),
      after: await best(loaded),
    };
    model.dispose();
    loaded.dispose();
  }
  console.log('#' + JSON.stringify(report));`;

interface Outcome {
  threads: number;
  backend: string;
  /** Who computes window attention: this library's kernel. */
  attention: string;
  losses: number[];
  before: object;
  after: object;
}

describe('other engines', () => {
  let project: string;
  before(() => {
    project = makeProject({main: program});
  });
  after(() => rmSync(project, {recursive: true, force: true}));

  for (const [name, {title, args}] of Object.entries(ENGINES)) {
    it(`${title} trains, saves, loads and classifies on wasm, on one thread and on two`, async function () {
      const command = engineProgram(name);
      const reason = whyMissing(command);
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
      const folder = join(project, name);
      // The limit ends one that hangs; it takes seconds where nothing else runs.
      const {stdout} = await promisify(execFile)(command, [...args, 'main.js', folder], {
        ...{cwd: project, timeout: 600_000, killSignal: 'SIGKILL'},
      });
      const line = stdout.split('\n').find((text) => text.startsWith('#'))!;
      const outcomes: Record<string, Outcome> = JSON.parse(line.slice(1));
      expect(Object.keys(outcomes)).to.deep.equal(['1', '2']);
      for (const [threads, outcome] of Object.entries(outcomes)) {
        expect(outcome).to.deep.include({backend: 'wasm', attention: 'wasm', threads: Number(threads)});
        expect(outcome.losses).to.have.length(2);
        expect(outcome.losses[1]).to.be.below(outcome.losses[0]!);
        expect(outcome.after).to.deep.equal(outcome.before);
      }
    });
  }
});
