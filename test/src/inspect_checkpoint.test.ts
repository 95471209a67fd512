/** What is said of a checkpoint, by the function and on the command line. */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../architectures/index.js';
import {run} from '../../src/cli/run.js';
import {CheckpointError, ConfigError} from '../../src/errors.js';
import {inspectCheckpoint as inspectInBrowser} from '../../src/inspect_checkpoint.js';
import {inspectCheckpoint} from '../../src/node/inspect_checkpoint.js';
import {loadModel} from '../../src/node/load_model.js';
import {saveWeights} from '../../src/weights/save_weights.js';
import {TextStream} from '../helpers/text_stream.js';
import {rejection, smallModel} from './node/small_model.js';
import {type HubServer, startHub} from './weights/hub_server.js';
import {safetensorsWithout} from './weights/safetensors_without.js';

const small = {
  ...{embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4, patchSize: 2, numClasses: 3},
  ...{imageSize: 32, seed: 1},
};

async function swint(...args: string[]) {
  const [out, err] = [new TextStream(), new TextStream()];
  const code = await run(args, {out, err});
  return {code, stdout: out.text, stderr: err.text};
}

describe('inspectCheckpoint', () => {
  let model: tf.LayersModel;
  let folder: string;
  let path: string;
  let hub: HubServer;
  before(async () => {
    await tf.setBackend('cpu');
    model = swinTransformer(small);
    folder = await mkdtemp(join(tmpdir(), 'swint-inspect-'));
    path = join(folder, 'swin.safetensors');
    await writeFile(path, await saveWeights(model, {layout: 'timm'}));
    hub = await startHub();
    hub.files.set('/me/net/resolve/main/model.safetensors', await readFile(path));
    const config = {model_type: 'swin', image_size: 32, id2label: {0: 'cat', 1: 'dog', 2: 'bird'}};
    hub.files.set('/me/net/resolve/main/config.json', new TextEncoder().encode(JSON.stringify(config)));
  });
  after(async () => {
    model.dispose();
    hub.close();
    await rm(folder, {recursive: true, force: true});
  });

  it('tells layout, network, numbers, types and the names of both sides, and leaves no tensor', async () => {
    const {numTensors} = tf.memory();
    const found = await inspectCheckpoint(path);
    expect(tf.memory().numTensors).to.equal(numTensors);
    const {layout, format, network, parameters, dtypes, problem, missing, configuration} = found;
    expect({layout, format, network, parameters, dtypes, problem, missing}).to.deep.equal({
      ...{layout: 'timm', format: 'safetensors', network: 'Swin V1 of width 8, blocks 2-2, heads 1-2'},
      ...{parameters: model.countParams(), dtypes: {F32: found.tensors.length}, problem: null, missing: []},
    });
    expect(configuration?.windowSize).to.deep.equal([
      [4, 4],
      [4, 4],
    ]);
    expect(found.bytes).to.equal((await readFile(path)).length);
    expect(found.tensors.find(({name}) => name === 'layers.1.downsample.reduction.weight')).to.deep.equal({
      ...{name: 'layers.1.downsample.reduction.weight', dtype: 'F32', shape: [16, 32]},
      ...{ours: ['layers.0.downsample/reduction.weight'], ourShape: [32, 16], use: 'matched'},
    });
    const ours = found.tensors.flatMap((one) => one.ours);
    expect([...ours].sort()).to.deep.equal(model.weights.map(({originalName}) => originalName).sort());
    expect((await inspectInBrowser(new Uint8Array(await readFile(path)))).tensors).to.deep.equal(
      found.tensors,
    );
  });

  it('tells what would be resized and what would stay new in another network', async () => {
    const {tensors, missing, problem} = await inspectCheckpoint(path, {windowSize: 5, numClasses: 7});
    expect(problem).to.equal(null);
    expect(tensors.filter(({use}) => use === 'resized').map(({name}) => name)).to.deep.equal(
      [0, 1].flatMap((stage) =>
        [0, 1].map((block) => `layers.${stage}.blocks.${block}.attn.relative_position_bias_table`),
      ),
    );
    expect(missing).to.deep.equal(['head.weight', 'head.bias']);
    expect(tensors.filter(({use}) => use === 'unexpected').map(({name}) => name)).to.deep.equal([
      ...['head.fc.weight', 'head.fc.bias'],
    ]);
  });

  it('says why a file cannot be loaded, and what to give', async () => {
    const v2 = swinTransformer({...small, variant: 'v2'});
    // Ours tell their windows in the metadata; this one tells nothing.
    const bare = safetensorsWithout(await saveWeights(v2), /^$/);
    const untold = await inspectCheckpoint(bare);
    expect(untold.network).to.match(/^Swin V2/);
    expect(untold.problem).to.match(/give windowSize/);
    expect((await inspectCheckpoint(bare, {windowSize: 4})).problem).to.equal(null);
    const other = smallModel(1);
    const strange = await inspectCheckpoint(await saveWeights(other, {layout: 'tfjs-swint'}));
    expect([strange.layout, strange.network]).to.deep.equal(['tfjs-swint', null]);
    expect(strange.problem).to.match(/without stages of blocks/);
    expect(strange.tensors).to.have.lengthOf(4);
    const part = await inspectCheckpoint(safetensorsWithout(await readFile(path), /mlp\.fc1\.bias$/));
    expect(part.missing).to.have.lengthOf(4);
    for (const one of [v2, other]) one.dispose();
  });

  it('refuses what cannot be read, and options that can never work', async () => {
    expect(await rejection(inspectCheckpoint(new Uint8Array(20)))).to.be.instanceOf(CheckpointError);
    expect(await rejection(inspectCheckpoint(join(folder, 'none')))).to.be.instanceOf(CheckpointError);
    const error = await rejection(inspectCheckpoint(path, {window: 3} as object));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/^inspectCheckpoint: .*try windowSize/);
    expect((await rejection(inspectInBrowser(path))).message).to.match(/tfjs-swint\/node/);
  });

  it('is a command, as text and as JSON', async () => {
    const {code, stdout} = await swint('inspect', path, '--window', '5');
    expect(code).to.equal(0);
    expect(stdout).to.match(/Layout +timm\nNetwork +Swin V1/);
    expect(stdout).to.match(/relative_position_bias_table +F32 +\[49, 1\] +\S+ +\[81, 1\] +resized/);
    const json = JSON.parse((await swint('inspect', path, '--json')).stdout);
    expect(json.tensors[0]).to.have.all.keys('name', 'dtype', 'shape', 'ours', 'ourShape', 'use');
    expect((await swint('inspect')).stderr).to.match(
      /inspect: one file, URL or name must be given; got none/,
    );
    expect((await swint('inspect', join(folder, 'none'))).code).to.equal(1);
  });

  it('reads a name on a hub on the command line, with a bar on a terminal, and so does convert', async () => {
    const downloads = ['--endpoint', hub.address, '--cache', join(folder, 'cache')];
    const [out, err] = [new TextStream(), new TextStream()];
    Object.assign(err, {isTTY: true, columns: 80, cursorTo() {}, clearLine() {}, moveCursor() {}});
    expect(await run(['inspect', 'hf:me/net', ...downloads], {out, err})).to.equal(0);
    expect(out.text).to.match(/From .*model\.safetensors \(server, checked by sha256\)/);
    expect(out.text).to.match(/Classes +3: cat; dog; bird/);
    expect(err.text).to.match(/Download/);
    const again = await swint(
      'convert',
      'hf:me/net',
      '--to',
      join(folder, 'model'),
      '--offline',
      ...downloads,
    );
    expect([again.code, again.stderr]).to.deep.equal([0, '']);
    const converted = await loadModel(join(folder, 'model'));
    expect(converted.getUserDefinedMetadata()).to.include({imageSize: 32});
    converted.dispose();
  });
});
