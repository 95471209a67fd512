import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinTransformer} from '../../../architectures/index.js';
import {run} from '../../../src/cli/run.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel} from '../../../src/node/save_model.js';
import {loadWeights, saveWeights} from '../../../src/node/weight_files.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights as weightsOf} from '../../../src/weights/save_weights.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {TextStream} from '../../helpers/text_stream.js';

const small = {
  embedDim: 8,
  depths: [2, 2],
  numHeads: [1, 2],
  windowSize: 4,
  patchSize: 2,
  numClasses: 5,
};

/** The command in this process: its exit code and what it wrote. */
async function convert(...args: string[]) {
  const [out, err] = [new TextStream(), new TextStream()];
  const code = await run(['convert', ...args], {out, err});
  return {code, stdout: out.text, stderr: err.text};
}

function expectSameWeights(actual: tf.LayersModel, expected: tf.LayersModel): void {
  const values = expected.getWeights();
  expect(actual.weights.map(({originalName}) => originalName)).to.deep.equal(
    expected.weights.map(({originalName}) => originalName),
  );
  for (const [i, weight] of actual.getWeights().entries()) {
    expectBitEqual(actual.weights[i].originalName, weight.dataSync(), values[i].dataSync());
  }
}

describe('tfjs-swint convert', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-convert-'));
  });
  after(() => rm(root, {recursive: true, force: true}));

  it('tells its help', async () => {
    const {code, stdout} = await convert('--help');
    expect(code).to.equal(0);
    for (const option of ['--to', '--layout', '--window', '--image-size', '--channels-last']) {
      expect(stdout).to.include(option);
    }
  });

  for (const variant of ['v1', 'v2'] as const) {
    it(`${variant}: from layout to layout and through model.json, bit-equal`, async () => {
      const model = swinTransformer({...small, variant});
      const window = variant === 'v2' ? ['--window', '4'] : [];
      const at = (name: string) => join(root, `${variant}-${name}`);
      let from = at('microsoft.safetensors');
      await saveWeights(model, from);
      for (const layout of ['timm', 'torchvision', 'huggingface', 'tfjs-swint', 'microsoft']) {
        const folder = at(`${layout}-model`);
        const first = await convert(from, '--to', folder, ...window);
        expect(first.code, first.stderr).to.equal(0);
        expectSameWeights(await loadModel(folder), model);
        from = at(`${layout}.safetensors`);
        const second = await convert(join(folder, 'model.json'), '--to', from, '--layout', layout);
        expect(second.code, second.stderr).to.equal(0);
        const again = swinTransformer({...small, variant});
        expect((await loadWeights(again, from)).layout).to.equal(layout);
        expectSameWeights(again, model);
      }
    });
  }

  it('turns a file of torch.save into a model, and says what it did', async () => {
    const source = fileURLToPath(new URL('../../golden/torch/swin.pth', import.meta.url));
    const folder = join(root, 'torch');
    const {code, stdout, stderr} = await convert(source, '--to', folder, '--window', '3', '--channels-last');
    expect(code, stderr).to.equal(0);
    expect(stdout.split('\n')).to.deep.equal([
      `Read     ${source}: weights in the layout of torchvision`,
      'Model    swin_transformer: 2,645 parameters',
      'Weights  59 matched, 4 resized, 0 missing, 0 unexpected',
      `Written  ${folder}: model.json and weights.bin`,
      '',
    ]);
    const model = await loadModel(folder);
    expect(model.inputs[0].shape).to.deep.equal([null, null, null, 3]);
    expect((await readdir(folder)).sort()).to.deep.equal(['model.json', 'weights.bin']);
  });

  it('takes windows for each stage, padding, a prefix and float16, and tells what was assumed', async () => {
    const model = swinTransformer({...small, imageSize: 32});
    const source = join(root, 'prefixed.safetensors');
    const {tensors, values} = openSafetensors(bytesSource(await weightsOf(model, {layout: 'timm'})));
    const renamed = [...tensors].map(([name, {shape}]) => ({
      name: `mine.${name}`,
      shape,
      values: values(name),
    }));
    await writeFile(source, writeSafetensors(renamed));
    const configs = async (folder: string) => {
      const loaded = await loadModel(folder);
      return [0, 1].map((i) => loaded.getLayer(`layers.${i}`).getConfig());
    };
    for (const [line, windows] of [
      [
        '--window 8',
        [
          [8, 8],
          [8, 8],
        ],
      ],
      [
        '--window 4x6',
        [
          [4, 6],
          [4, 6],
        ],
      ],
      [
        '--window 8,4',
        [
          [8, 8],
          [4, 4],
        ],
      ],
      [
        '--window 8x4,4',
        [
          [8, 4],
          [4, 4],
        ],
      ],
    ] as const) {
      const folder = join(root, 'windows');
      const {code, stdout, stderr} = await convert(
        source,
        '--to',
        folder,
        '--prefix',
        'mine.',
        ...line.split(' '),
      );
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/^Note {5}padding: /m);
      const stages = await configs(folder);
      expect(
        stages.map(({windowSize}) => windowSize),
        line,
      ).to.deep.equal(windows);
      expect(stages.map(({padding}) => padding)).to.deep.equal(['attended', 'attended']);
    }
    const masked = join(root, 'masked');
    const asked = await convert(source, '--to', masked, '--prefix', 'mine.', '--padding', 'masked');
    expect(asked.code, asked.stderr).to.equal(0);
    expect((await configs(masked)).map(({padding}) => padding)).to.deep.equal(['masked', 'masked']);
    const half = join(root, 'half.safetensors');
    const {code, stdout} = await convert(masked, '--to', half, '--quantize', 'float16');
    expect(code).to.equal(0);
    expect(stdout).to.match(/^Written .*half\.safetensors: weights in the layout of microsoft as float16$/m);
    const types = new Set(
      [...openSafetensors(bytesSource(await readFile(half))).tensors.values()].map((one) => one.dtype),
    );
    expect([...types].sort()).to.deep.equal(['F16', 'I64']);
  });

  it('takes any model of ours into its own layout, and says that no other has place for it', async () => {
    const model = swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3});
    const folder = join(root, 'resnet');
    await saveModel(model, folder);
    const out = join(root, 'deep', 'er', 'resnet.safetensors');
    const {code, stdout} = await convert(folder, '--to', out, '--layout', 'tfjs-swint');
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^Read {5}.*: a saved model$/m)
      .and.to.match(/weights in the layout of tfjs-swint$/m);
    const again = swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3});
    await loadWeights(again, out);
    expectSameWeights(again, model);
    const refused = await convert(folder, '--to', join(root, 'no.safetensors'));
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/^saveWeights: layout microsoft must have a place.*\n$/);
    expect(await readdir(root)).to.not.include('no.safetensors');
  });

  it('replaces a model, and leaves a folder that holds other things as it is', async () => {
    const source = fileURLToPath(new URL('../../golden/torch/swin.pth', import.meta.url));
    const folder = join(root, 'taken');
    await saveModel(swinTransformer(small), folder);
    expect((await convert(source, '--to', folder)).code).to.equal(0);
    expect((await loadModel(folder)).countParams()).to.be.below(5000);
    const other = join(root, 'other');
    await mkdir(other);
    await writeFile(join(other, 'notes.txt'), 'mine');
    const {code, stderr} = await convert(source, '--to', other);
    expect(code).to.equal(1);
    expect(stderr).to.match(/also holds notes.txt/);
    expect(await readFile(join(other, 'notes.txt'), 'utf8')).to.equal('mine');
  });

  const bad: [string, string[], number, RegExp][] = [
    ['no options', [], 2, /^convert: one file or folder must be given; got none/],
    [
      'a file that is not there',
      ['none.pth', '--to', 'x'],
      1,
      /^none.pth: a checkpoint must be a file that can be read/,
    ],
    [
      'a window that is none',
      ['x.pth', '--to', 'x', '--window', '4x4x4'],
      2,
      /^convert: --window must be a whole number from 1, or two as 7x5; got 4x4x4\./,
    ],
    [
      'windows of which one is none',
      ['x.pth', '--to', 'x', '--window', '8,0'],
      2,
      /^convert: --window must be a whole number from 1, or two as 7x5; got 0\./,
    ],
    [
      'a quantization that a checkpoint has not',
      ['x', '--to', 'x.safetensors', '--quantize', 'uint8'],
      2,
      /^convert: --quantize must be float16 for a \.safetensors file; got uint8/,
    ],
    [
      'padding of a saved model',
      ['x', '--to', 'x.safetensors', '--padding', 'masked'],
      2,
      /^convert: --padding must go with a checkpoint/,
    ],
    [
      'a folder that is not there',
      ['none', '--to', 'x.safetensors'],
      1,
      /^loadModel\(none\): model.json must be readable/,
    ],
  ];
  for (const [name, args, exit, message] of bad) {
    it(`ends with code ${exit} and one line for ${name}`, async () => {
      const {code, stdout, stderr} = await convert(...args);
      expect([code, stdout]).to.deep.equal([exit, '']);
      expect(stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
    });
  }
});
