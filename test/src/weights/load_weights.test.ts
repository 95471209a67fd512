import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {sourceOf} from '../../../src/weights/layouts.js';
import {
  canonicalName,
  type LoadReport,
  loadWeights,
  ourOrder,
  permuted,
} from '../../../src/weights/load_weights.js';
import {type NamedValues, writeSafetensors} from '../../../src/weights/safetensors.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual, expectRelativeClose} from '../../helpers/compare.js';
import {type Golden, goldenFiles, readGolden} from '../../helpers/golden.js';

/** The checkpoint in a golden file: what stands under `param.`. */
function checkpointOf({tensors}: Golden): NamedValues[] {
  return Object.entries(tensors)
    .filter(([name]) => name.startsWith('param.'))
    .map(([name, {shape, data}]) => ({name: name.slice(6), shape, values: Float32Array.from(data)}));
}

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
          const names = new Set(checkpoint.map(({name}) => name));
          for (const [i, weight] of model.trainableWeights.entries()) {
            const {names: sources, third} = sourceOf(canonicalName(weight), 'torchvision', names);
            const {shape, data} = tensors[`grad.${sources[0]}`];
            let values = Float32Array.from(data);
            if (third !== undefined)
              values = values.slice((third * values.length) / 3, ((third + 1) * values.length) / 3);
            const turned = third === undefined ? ourOrder(canonicalName(weight), shape).turn(values) : values;
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
    const names = new Set(given.map(({name}) => name));
    const prefixed = new Set(layout === 'huggingface' ? ['swin.encoder.'] : []);
    const byName = new Map(given.map((one) => [one.name, one]));
    return model.weights.flatMap((weight) => {
      const [from] = sourceOf(canonicalName(weight), 'torchvision', names).names;
      const {shape, values} = byName.get(from) as NamedValues;
      const to = sourceOf(canonicalName(weight), layout, prefixed).names;
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
});
