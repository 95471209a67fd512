import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  swinBase,
  swinSmall,
  swinTiny,
  swinTransformer,
  swinV2Base,
  swinV2Small,
  swinV2Tiny,
} from '../../../architectures/index.js';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {loadWeights as loadFile, saveWeights as saveFile} from '../../../src/node/weight_files.js';
import {fromFile, permuted} from '../../../src/weights/axes.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {
  isBuffer,
  type Layout,
  namingOf,
  type Version,
  versionOf,
} from '../../../src/weights/layouts/index.js';
import type {WeightSource} from '../../../src/weights/layouts/naming.js';
import type {LoadReport} from '../../../src/weights/load_report.js';
import {assignWeights, loadWeights as load} from '../../../src/weights/load_weights.js';
import {type NamedValues, openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {namesOf} from '../../../src/weights/weight_names.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual, expectRelativeClose} from '../../helpers/compare.js';
import {type Golden, goldenFiles, readGolden} from '../../helpers/golden.js';
import {withoutInitialWeights} from '../../helpers/models.js';
import {parametersOf} from './safetensors_without.js';

/** The checkpoint in a golden file: what stands under `param.`. */
function checkpointOf({tensors}: Golden): NamedValues[] {
  return Object.entries(tensors)
    .filter(([name]) => name.startsWith('param.'))
    .map(([name, {shape, data}]) => ({name: name.slice(6), shape, values: Float32Array.from(data)}));
}

/** Where a weight stands in a published layout. */
const sourceOf = (weight: {originalName: string}, layout: Layout, version: Version) =>
  namingOf(layout, version)(namesOf(weight)) as WeightSource;

const loadWeights = (model: tf.LayersModel, bytes: Uint8Array, options = {}): LoadReport =>
  assignWeights(model, bytesSource(bytes), options);

interface ModelConfig {
  classes: number;
  depths: number[];
  embed: number;
  heads: number[];
  version: 'v1' | 'v2';
  window: [number, number];
}

function modelOf(golden: Golden, more: object = {}) {
  const {classes, depths, embed, heads, version, window} = golden.config as unknown as ModelConfig;
  return swinTransformer({
    ...{
      numClasses: classes,
      depths,
      embedDim: embed,
      numHeads: heads,
      variant: version,
      windowSize: [window, window],
    },
    ...{padding: 'attended', dropPath: 0},
    ...more,
  });
}

const toTensor = ({shape, data}: Golden['tensors'][string]) => tf.tensor(new Float32Array(data), [...shape]);

describe('models against torchvision', () => {
  eachBackend(
    () => {
      for (const file of goldenFiles('model_')) {
        it(`${file}: logits, maps and every gradient`, async () => {
          const golden = readGolden(file);
          const {tensors} = golden;
          const model = modelOf(golden);
          const checkpoint = checkpointOf(golden);
          const report = loadWeights(model, writeSafetensors(checkpoint));
          expect(report.layout).to.equal('torchvision');
          expect(report.matched.length).to.equal(model.weights.length);
          expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);

          const x = toTensor(tensors.input);
          const maps = tf.model({
            inputs: model.inputs,
            outputs: ['patch_embed', 'layers.0', 'layers.0.downsample', 'layers.1', 'head'].map(
              (name) => model.getLayer(name).output as tf.SymbolicTensor,
            ),
          });
          const outputs = maps.predict(x) as tf.Tensor[];
          for (const [i, output] of outputs.entries()) {
            const name = i < 4 ? `feature.${i}` : 'output';
            expectRelativeClose(name, await output.data(), tensors[name].data, 1e-4);
          }

          const cotangent = toTensor(tensors.cotangent);
          const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
          const loss = (image: tf.Tensor) => tf.sum(tf.mul(model.apply(image) as tf.Tensor, cotangent));
          const {grads} = tf.variableGrads(() => loss(x) as tf.Scalar, variables);
          const version = versionOf(checkpoint.map(({name}) => name));
          for (const [i, weight] of model.trainableWeights.entries()) {
            const {names: sources, form, third} = sourceOf(weight, 'torchvision', version);
            const {shape, data} = tensors[`grad.${sources[0]}`];
            let values = Float32Array.from(data);
            if (third !== undefined)
              values = values.slice((third * values.length) / 3, ((third + 1) * values.length) / 3);
            const turned = third === undefined ? fromFile(form, shape, []).turn(values) : values;
            expectRelativeClose(
              `d ${weight.originalName}`,
              await grads[variables[i].name].data(),
              turned,
              1e-4,
            );
          }
          const [dx] = tf.grads((image) => loss(image) as tf.Scalar)([x]);
          expectRelativeClose('dx', await dx.data(), tensors['grad.input'].data, 1e-4);
        });
      }
    },
    {only: ['wasm']},
  );
});

describe('loadWeights', () => {
  const [file] = goldenFiles('model_v1');
  const golden = readGolden(file);
  const given = checkpointOf(golden);

  /** The same weights under another layout's names. */
  function inLayout(layout: 'microsoft' | 'timm' | 'huggingface'): NamedValues[] {
    const model = modelOf(golden);
    const byName = new Map(given.map((one) => [one.name, one]));
    return model.weights.flatMap((weight) => {
      const [from] = sourceOf(weight, 'torchvision', 'V1').names;
      const {shape, values} = byName.get(from) as NamedValues;
      const to = sourceOf(weight, layout, 'V1').names;
      const rows = shape[0] / to.length;
      const size = values.length / to.length;
      return to.map((name, i) => ({
        name,
        shape: [rows, ...shape.slice(1)],
        values: values.slice(i * size, (i + 1) * size),
      }));
    });
  }

  const valuesOf = (model: tf.LayersModel) => model.getWeights().map((weight) => weight.dataSync());

  for (const layout of ['microsoft', 'timm', 'huggingface'] as const) {
    it(`finds the layout of ${layout}, and reads the same weights`, () => {
      const [expected, model] = [modelOf(golden), modelOf(golden)];
      loadWeights(expected, writeSafetensors(given));
      const report = loadWeights(model, writeSafetensors(inLayout(layout)));
      expect(report.layout).to.equal(layout);
      expect(report.missing).to.deep.equal([]);
      const values = valuesOf(expected);
      for (const [i, actual] of valuesOf(model).entries()) {
        expectBitEqual(model.weights[i].originalName, actual, values[i]);
      }
    });
  }

  it('keeps the head for other classes, and says so', () => {
    const report = loadWeights(modelOf(golden, {numClasses: 3}), writeSafetensors(given));
    expect(report.missing).to.deep.equal(['head.weight', 'head.bias']);
    const without = loadWeights(modelOf(golden, {numClasses: 0}), writeSafetensors(given));
    expect(without.unexpected).to.deep.equal(['head.bias', 'head.weight']);
  });

  it('interpolates the bias tables of another window', () => {
    const report = loadWeights(modelOf(golden, {windowSize: 6}), writeSafetensors(given));
    expect(report.resized.length).to.equal(4);
    expect(report.resized[0]).to.match(/relative_position_bias_table$/);
  });

  it('takes the names of older files of timm, and such as have no head', () => {
    // Merging at the end of a stage and a head without fc: those of microsoft.
    const named = inLayout('timm').map((one) => ({...one, name: one.name.replace('head.fc.', 'head.')}));
    const older = named.map((one) => ({
      ...one,
      name: one.name.replace('layers.1.downsample', 'layers.0.downsample'),
    }));
    expect(loadWeights(modelOf(golden), writeSafetensors(older)).layout).to.equal('microsoft');
    const headless = named.filter(({name}) => !name.startsWith('head.'));
    const report = loadWeights(modelOf(golden), writeSafetensors(headless));
    expect([report.layout, report.missing]).to.deep.equal(['timm', ['head.weight', 'head.bias']]);
  });

  it('passes over buffers', () => {
    const at = 'layers.1.blocks.1.attn';
    const buffers = [
      `${at}.relative_position_index`,
      'layers.1.blocks.1.attn_mask',
      `${at}.relative_coords_table`,
    ];
    const more = buffers.map((name) => ({name, shape: [1], values: new Float32Array(1)}));
    const report = loadWeights(modelOf(golden), writeSafetensors([...inLayout('timm'), ...more]));
    expect(report.unexpected).to.deep.equal([]);
  });

  it('reads a file of torch.save to the same weights', () => {
    const [model, expected] = ['swin.pth', 'swin.safetensors'].map((name) => {
      const args = {
        numClasses: 3,
        depths: [2, 2],
        embedDim: 4,
        numHeads: [1, 2],
        windowSize: 2,
        patchSize: 2,
      };
      const made = swinTransformer(args);
      const bytes = readFileSync(new URL(`../../golden/torch/${name}`, import.meta.url));
      expect(loadWeights(made, new Uint8Array(bytes)).matched.length).to.equal(made.weights.length);
      return valuesOf(made);
    });
    for (const [i, values] of model.entries()) expectBitEqual(`${i}`, values, expected[i]);
  });

  const bad: [string, (model: () => tf.LayersModel) => LoadReport, RegExp][] = [
    [
      'a model of another width',
      () => loadWeights(modelOf(golden, {embedDim: 32, numHeads: [2, 4]}), writeSafetensors(given)),
      /must fit .* \[.*32\]; got \[.*\] .*another width/,
    ],
    [
      'a V1 checkpoint for a V2 model',
      () => loadWeights(modelOf(golden, {variant: 'v2'}), writeSafetensors(given)),
      /must be of Swin V2 as the model is; got one of V1/,
    ],
    [
      'fewer stages than the checkpoint has',
      () =>
        loadWeights(modelOf(golden, {depths: [2], numHeads: [2], windowSize: 4}), writeSafetensors(given)),
      /must fit|do not, features/,
    ],
    [
      'names that nobody gives',
      () =>
        loadWeights(
          modelOf(golden),
          writeSafetensors([{name: 'a', shape: [1], values: new Float32Array(1)}]),
        ),
      /must be those of a Swin Transformer; got a/,
    ],
  ];
  for (const [name, run, message] of bad) {
    it(`${name}: one CheckpointError`, () => {
      expect(() => run(() => modelOf(golden))).to.throw(CheckpointError, message);
    });
  }

  it('does not know other options', () => {
    const file = writeSafetensors(given);
    expect(() => loadWeights(modelOf(golden), file, {layout: 'keras'})).to.throw(
      ConfigError,
      /layout must be one of 'auto', 'microsoft', .*, 'tfjs-swint'; got 'keras'/,
    );
    expect(() => loadWeights(modelOf(golden), file, {adaptChannels: 'sum'})).to.throw(
      ConfigError,
      /adaptChannels must be one of 'mean', 'repeat', 'new'; got 'sum'/,
    );
  });

  it('leaves the model as it was where something does not fit', () => {
    const model = modelOf(golden);
    const before = valuesOf(model);
    const short = given.filter(({name}) => name !== 'norm.weight');
    expect(() => loadWeights(model, writeSafetensors(short))).to.throw(
      CheckpointError,
      /1 are not, norm.weight first/,
    );
    for (const [i, values] of valuesOf(model).entries()) expectBitEqual(`${i}`, values, before[i]);
    const report = loadWeights(model, writeSafetensors(short), {strict: false});
    expect(report.missing).to.deep.equal(['norm.weight']);
  });

  it('permutes axes as tf.transpose does', () => {
    const x = tf.randomNormal([2, 3, 4, 5]);
    for (const order of [
      [2, 3, 1, 0],
      [3, 0, 2, 1],
      [0, 1, 2, 3],
    ]) {
      const expected = tf.transpose(x, order).dataSync();
      expectBitEqual(`${order}`, permuted(x.dataSync() as Float32Array, x.shape, order), expected);
    }
  });

  it('takes bytes, URLs and, in Node, paths; nothing else is read than a file', async () => {
    const bytes = writeSafetensors(given);
    const folder = mkdtempSync(join(tmpdir(), 'swint-weights-'));
    try {
      const path = join(folder, 'swin.safetensors');
      writeFileSync(path, bytes);
      const url = new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`);
      const expected = modelOf(golden);
      loadWeights(expected, bytes);
      for (const source of [bytes, url]) {
        const model = modelOf(golden);
        await load(model, source);
        for (const [i, values] of valuesOf(model).entries())
          expectBitEqual(`${i}`, values, valuesOf(expected)[i]);
      }
      const model = modelOf(golden);
      await loadFile(model, path);
      for (const [i, values] of valuesOf(model).entries())
        expectBitEqual(`${i}`, values, valuesOf(expected)[i]);
      for (const path of [join(folder, 'none'), folder]) {
        const missing = await loadFile(model, path).catch((error: Error) => error);
        expect(missing).to.be.instanceOf(CheckpointError);
        expect((missing as Error).message).to.match(/must be a file that can be read/);
      }
      const unwritable = await saveFile(model, join(path, 'x')).catch((error: Error) => error);
      expect(unwritable).to.be.instanceOf(CheckpointError);
      await saveFile(model, join(folder, 'saved'), {layout: 'timm'});
      expect(readdirSync(folder).sort()).to.deep.equal(['saved', 'swin.safetensors']);
      const again = modelOf(golden);
      expect((await loadFile(again, join(folder, 'saved'))).layout).to.equal('timm');
      for (const [i, values] of valuesOf(again).entries())
        expectBitEqual(`${i}`, values, valuesOf(expected)[i]);
    } finally {
      rmSync(folder, {recursive: true});
    }
  });
});

describe('the layout of torchvision', () => {
  const shapesOf = JSON.parse(
    readFileSync(
      new URL('../../golden/torchvision/torchvision_state_dict_shapes.json', import.meta.url),
      'utf8',
    ),
  ) as Record<string, Record<string, number[]>>;
  const forms: Record<string, () => tf.LayersModel> = {
    ...{swin_t: swinTiny, swin_s: swinSmall, swin_b: swinBase},
    ...{swin_v2_t: swinV2Tiny, swin_v2_s: swinV2Small, swin_v2_b: swinV2Base},
  };
  for (const [name, form] of Object.entries(forms)) {
    it(`has every tensor of ${name}, of the right shape, and no other`, () => {
      withoutInitialWeights(() => {
        const theirs = shapesOf[name];
        const version = versionOf(Object.keys(theirs));
        const used = new Set<string>();
        for (const weight of form().weights) {
          const {names, form, third} = sourceOf(weight, 'torchvision', version);
          used.add(names[0]);
          const shape = [...theirs[names[0]]];
          if (third !== undefined) shape[0] /= 3;
          expect(fromFile(form, shape, []).shape, weight.originalName).to.deep.equal(weight.shape);
        }
        const left = Object.keys(theirs).filter((key) => !used.has(key) && !isBuffer(key, new Set()));
        expect(left).to.deep.equal([]);
      });
    });
  }
});

describe('saveWeights', () => {
  for (const kind of ['model_v1', 'model_v2']) {
    for (const layout of ['microsoft', 'timm', 'torchvision', 'huggingface', 'tfjs-swint'] as const) {
      it(`${kind} in the layout of ${layout}: read back bit-equal, and as torchvision had it`, async () => {
        const golden = readGolden(goldenFiles(kind)[0]);
        const given = writeSafetensors(checkpointOf(golden));
        const model = modelOf(golden);
        loadWeights(model, given);
        const saved = await saveWeights(model, {layout});
        const other = modelOf(golden);
        const report = loadWeights(other, saved);
        expect(report.layout).to.equal(layout);
        expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
        const values = model.getWeights().map((weight) => weight.dataSync());
        for (const [i, weight] of other.getWeights().entries()) {
          expectBitEqual(other.weights[i].originalName, weight.dataSync(), values[i]);
        }
        if (layout !== 'torchvision') return;
        const [ours, theirs] = [writeSafetensors(parametersOf(saved)), given].map((bytes) =>
          openSafetensors(bytesSource(bytes)),
        );
        expect([...ours.tensors.keys()].sort()).to.deep.equal([...theirs.tensors.keys()].sort());
        for (const [name, {shape}] of theirs.tensors) {
          expect(ours.tensors.get(name)?.shape, name).to.deep.equal(shape);
          const [actual, expected] = [ours.values(name), theirs.values(name)];
          // V2 does without the bias of the keys, the middle third.
          if (/qkv.bias$/.test(name) && kind === 'model_v2') {
            expected.fill(0, expected.length / 3, (2 * expected.length) / 3);
          }
          expectBitEqual(name, actual, expected);
        }
      });
    }
  }
});
