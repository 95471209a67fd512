/** Checkpoints of HuCaoFighting/Swin-Unet: read under the prefix of its training, written for it, and by the command line. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer, swinUNet} from '../../../architectures/index.js';
import {run} from '../../../src/cli/run.js';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {inspectCheckpoint} from '../../../src/node/inspect_checkpoint.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveWeights as saveFile, swinFromCheckpoint} from '../../../src/node/weight_files.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {loadWeights} from '../../../src/weights/load_weights.js';
import {openSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {TextStream} from '../../helpers/text_stream.js';
import {rejection} from '../node/small_model.js';

const GOLDEN = fileURLToPath(new URL('../../golden/state_dict/swin_unet.safetensors', import.meta.url));

const small = {
  ...{imageSize: 32, windowSize: [2, 2, 2, 1], embedDim: 4, depths: [2, 2, 1, 1], oddDepths: true},
  ...{numHeads: [1, 2, 2, 4], mlpRatio: 1, numClasses: 3, shiftRule: 'joint' as const, dropPath: 0},
};

const namesIn = (bytes: Uint8Array) => [...openSafetensors(bytesSource(bytes)).tensors.keys()];

const logits = (model: tf.LayersModel) =>
  (model.predict(tf.randomNormal([1, 3, 32, 32], 0, 1, 'float32', 3)) as tf.Tensor).dataSync();

describe('checkpoints of Swin-Unet', () => {
  let root: string;
  before(async () => {
    await tf.setBackend('cpu');
    root = await mkdtemp(join(tmpdir(), 'swint-unet-'));
  });
  after(() => rm(root, {recursive: true, force: true}));

  it('are found by their names, under the prefix of its training too', async () => {
    const {model, report} = await swinFromCheckpoint(GOLDEN, {imageSize: 32});
    expect(report.layout).to.equal('swin-unet');
    const bytes = await saveWeights(model, {layout: 'swin-unet', prefix: 'swin_unet.'});
    expect(namesIn(bytes).every((name) => name.startsWith('swin_unet.'))).to.equal(true);
    const again = await swinFromCheckpoint(bytes);
    expect(again.report.prefix).to.equal('swin_unet.');
    expectBitEqual('logits', logits(again.model), logits(model));
  });

  it('go into a swinUNet whose skips begin before the blocks, and into no other', async () => {
    const model = swinUNet({...small, skips: 'stageInput'});
    const report = await loadWeights(model, await saveWeights(model, {layout: 'swin-unet'}));
    expect([report.missing, report.unexpected]).to.deep.equal([[], []]);
    const other = swinUNet(small);
    for (const load of [
      loadWeights(other, await saveWeights(model, {layout: 'swin-unet'})),
      saveWeights(other, {layout: 'swin-unet'}),
    ]) {
      const error = await rejection(load);
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(/build it with swinUNet\(\{skips: 'stageInput'\}\)/);
    }
  });

  it('get a new head for other classes', async () => {
    const {model, report} = await swinFromCheckpoint(GOLDEN, {imageSize: 32, numClasses: 5});
    expect(report.missing).to.deep.equal(['output.kernel']);
    expect(model.outputs[0].shape).to.deep.equal([null, 5, null, null]);
  });

  it('of a classifier cannot be written, nor with a prefix that is no text', async () => {
    const classifier = swinTransformer({...small, depths: [2], numHeads: [1], windowSize: 2});
    expect((await rejection(saveWeights(classifier, {layout: 'swin-unet'}))).message).to.match(
      /layout swin-unet must have a place for every weight; it has none for head\.weight/,
    );
    expect(await rejection(saveWeights(classifier, {prefix: 3 as never}))).to.be.instanceOf(ConfigError);
  });

  it('are inspected, and the configuration builds the network', async () => {
    const {configuration, network, missing, tensors, problem} = await inspectCheckpoint(GOLDEN);
    expect(problem).to.equal(null);
    expect(network).to.equal('Swin-Unet V1 of width 4, blocks 2-2-1-1, heads 1-2-2-4');
    expect(missing).to.deep.equal([]);
    expect(tensors.filter(({use}) => use === 'unexpected')).to.deep.equal([]);
    const model = swinUNet(configuration as Parameters<typeof swinUNet>[0]);
    expect((await loadWeights(model, await saveWeights(model, {layout: 'swin-unet'}))).missing).to.deep.equal(
      [],
    );
  });

  it('are converted to a model and back', async () => {
    const [folder, file] = [join(root, 'model'), join(root, 'back.safetensors')];
    for (const args of [
      [GOLDEN, '--to', folder, '--image-size', '32'],
      [folder, '--to', file, '--layout', 'swin-unet'],
    ]) {
      const [out, err] = [new TextStream(), new TextStream()];
      expect(await run(['convert', ...args], {out, err}), err.text).to.equal(0);
    }
    const [expected, actual] = [await loadModel(folder), (await swinFromCheckpoint(file)).model];
    expectBitEqual('logits', logits(actual), logits(expected));
    await saveFile(actual, join(root, 'again.safetensors'), {layout: 'swin-unet'});
  });
});

describe('the skip connections of swinUNet', () => {
  it('carry maps from before or after the blocks', () => {
    const run = (skips?: 'stageInput' | 'stageOutput') =>
      logits(swinUNet({...small, seed: 1, ...(skips && {skips})}));
    const [plain, output, input] = [run(), run('stageOutput'), run('stageInput')];
    expectBitEqual('default', plain, output);
    expect(Math.max(...input.map((value, i) => Math.abs(value - output[i])))).to.be.above(1e-3);
  });

  it('are one of two: one ConfigError', () => {
    expect(() => swinUNet({...small, skips: 'before' as never})).to.throw(ConfigError, /skips must be/);
  });
});
