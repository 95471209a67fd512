import {readFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinTransformer} from '../../../architectures/index.js';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {swinFromCheckpoint as fromFile} from '../../../src/node/weight_files.js';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {type NamedValues, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectBitEqual, expectRelativeClose} from '../../helpers/compare.js';
import {goldenFiles, readGolden} from '../../helpers/golden.js';
import {parametersOf} from './safetensors_without.js';

const LAYOUTS = ['microsoft', 'timm', 'torchvision', 'huggingface', 'tfjs-swint'] as const;

type Args = NonNullable<Parameters<typeof swinTransformer>[0]>;

const small: Args = {
  ...{
    embedDim: 8,
    depths: [2, 4],
    numHeads: [2, 4],
    windowSize: [
      [3, 3],
      [2, 2],
    ],
    patchSize: [2, 4],
    numClasses: 5,
  },
  ...{mlpRatio: 1.5, inChannels: 2, dropPath: 0, seed: 3},
};

const configs: Record<string, Args> = {
  V1: small,
  'V1 with less of everything': {...small, qkvBias: false, patchNorm: false, numClasses: 0},
  V2: {...small, variant: 'v2', windowSize: 3},
};

/** The same tensors, as another program writes them. */
function withoutMetadata(bytes: Uint8Array): Uint8Array {
  return writeSafetensors(parametersOf(bytes));
}

const stageConfigs = (model: tf.LayersModel) =>
  model.layers
    .filter((layer) => ['SwinT', 'SwinPatchEmbed', 'SwinAbsolutePosition'].includes(layer.getClassName()))
    .map((layer) => {
      const {kernelInitializer, seed, ...config} = layer.getConfig();
      return config;
    });

describe('swinFromCheckpoint', () => {
  for (const [name, args] of Object.entries(configs)) {
    for (const layout of LAYOUTS) {
      it(`${name} in the layout of ${layout}: the same network, bit-equal`, async () => {
        const model = swinTransformer(args);
        const window = args.variant === 'v2' ? {windowSize: 3} : {};
        const loaded = await swinFromCheckpoint(await saveWeights(model, {layout}), {...window, dropPath: 0});
        expect(loaded.report.layout).to.equal(layout);
        expect(loaded.report.matched.length).to.equal(model.weights.length);
        expect(stageConfigs(loaded.model)).to.deep.equal(stageConfigs(model));
        const x = tf.randomNormal([1, 2, 12, 24]);
        const [y, expected] = [loaded.model, model].map((one) => (one.predict(x) as tf.Tensor).dataSync());
        expectBitEqual('output', y, expected);
      });
    }
  }

  it('reads the position embedding, its rows and columns where they are a square or our own', async () => {
    const square = swinTransformer({...small, absolutePosition: true, imageSize: [16, 32]});
    const {model} = await swinFromCheckpoint(await saveWeights(square));
    expect(model.getLayer('absolute_pos').getConfig().mapSize).to.deep.equal([8, 8]);
    const wide = swinTransformer({...small, absolutePosition: true, imageSize: [10, 32]});
    const own = await swinFromCheckpoint(await saveWeights(wide, {layout: 'tfjs-swint'}));
    expect(own.model.getLayer('absolute_pos').getConfig().mapSize).to.deep.equal([5, 8]);
    const told = await swinFromCheckpoint(await saveWeights(wide), {imageSize: [10, 32]});
    expect(told.report.resized).to.deep.equal([]);
    const untold = await swinFromCheckpoint(await saveWeights(wide)).catch((e: Error) => e);
    expect(untold).to.be.instanceOf(CheckpointError);
  });

  it('takes what is not to be as in the checkpoint', async () => {
    const bytes = await saveWeights(swinTransformer(small));
    const {model, report} = await swinFromCheckpoint(bytes, {
      ...{windowSize: 4, inChannels: 1, adaptChannels: 'mean', numClasses: 9, dataFormat: 'channelsLast'},
      ...{name: 'mine', dropPath: undefined},
    });
    expect([model.name, model.inputs[0].shape, model.outputs[0].shape]).to.deep.equal([
      ...['mine', [null, null, null, 1], [null, 9]],
    ]);
    expect(report.resized).to.include('patch_embed.proj.weight').and.have.lengthOf(7);
    expect(report.missing).to.deep.equal(['head.weight', 'head.bias']);
    // A new head has to be able to learn, and so has the network that is made anew from its configuration.
    const again = await tf.models.modelFromJSON(model.toJSON(undefined, false) as never);
    for (const kernel of [
      model.getLayer('head').getWeights()[0],
      again.getLayer('layers.0').getWeights()[2],
    ]) {
      expect(tf.max(tf.abs(kernel)).dataSync()[0]).to.be.above(0);
    }
  });

  it("tells V2's windows, now and in pretraining, by the coordinates in the file", async () => {
    // The files of torchvision's own V2 have relative_coords_table and relative_position_index.
    const args: Args = {...small, variant: 'v2', windowSize: 4, pretrainedWindowSize: 3};
    const given = parametersOf(await saveWeights(swinTransformer(args)));
    const {logSpacedCoordinates} = await import('../../../kernels/index.js');
    const withBuffer = (buffer: string, made: Omit<NamedValues, 'name'>) =>
      writeSafetensors([
        ...given,
        ...given
          .filter(({name}) => name.endsWith('logit_scale'))
          .map(({name}) => ({...made, name: name.replace('logit_scale', buffer)})),
      ]);
    const table = {shape: [1, 7, 7, 2], values: logSpacedCoordinates([4, 4], [3, 3])};
    const {model} = await swinFromCheckpoint(withBuffer('relative_coords_table', table));
    const {windowSize, pretrainedWindowSize} = model.getLayer('layers.1').getConfig();
    expect([windowSize, pretrainedWindowSize]).to.deep.equal([
      [4, 4],
      [3, 3],
    ]);
    for (const shape of [[256], [16, 16]]) {
      const index = withBuffer('relative_position_index', {shape, values: new Float32Array(256)});
      const other = await swinFromCheckpoint(index);
      expect(other.model.getLayer('layers.0').getConfig().windowSize).to.deep.equal([4, 4]);
    }
  });

  for (const kind of ['model_v1_32x32', 'model_v2_32x32']) {
    it(`${kind}: torchvision's logits from its weights alone`, async () => {
      const {tensors, config} = readGolden(goldenFiles(kind)[0]);
      const parameters = Object.entries(tensors)
        .filter(([name]) => name.startsWith('param.'))
        .map(([name, {shape, data}]) => ({name: name.slice(6), shape, values: Float32Array.from(data)}));
      const {window} = config as {window: [number, number]};
      const {model} = await swinFromCheckpoint(writeSafetensors(parameters), {
        padding: 'attended',
        ...(kind.includes('v2') ? {windowSize: [window, window]} : {}),
      });
      const {shape, data} = tensors.input;
      const y = model.predict(tf.tensor(new Float32Array(data), [...shape])) as tf.Tensor;
      expectRelativeClose('logits', await y.data(), tensors.output.data, 1e-4);
    });
  }

  it('reads what it wrote without an argument: windows of V2, masked padding, rules of shifts', async () => {
    const args: Args = {
      ...{...small, variant: 'v2', windowSize: 4, pretrainedWindowSize: 3, depths: [1, 2], oddDepths: true},
      shiftRule: ['joint', 'none'],
    };
    const model = swinTransformer(args);
    for (const layout of LAYOUTS) {
      const loaded = await swinFromCheckpoint(await saveWeights(model, {layout}));
      expect(stageConfigs(loaded.model), layout).to.deep.equal(stageConfigs(model));
      expect(loaded.report.notes, layout).to.deep.equal([]);
    }
    const factors = swinTransformer({...small, qkScale: 0.2, padding: 'attended'});
    const again = await swinFromCheckpoint(await saveWeights(factors));
    expect(stageConfigs(again.model)).to.deep.equal(stageConfigs(factors));
  });

  it('pads as the system does whose layout it is, and drops nothing while it trains unless asked', async () => {
    const published = {
      timm: 'perAxis',
      torchvision: 'perAxis',
      microsoft: 'joint',
      huggingface: 'joint',
    } as const;
    for (const [layout, shiftRule] of Object.entries(published)) {
      const bytes = await saveWeights(swinTransformer(small), {layout: layout as 'timm'});
      const {model} = await swinFromCheckpoint(withoutMetadata(bytes));
      const config = model.getLayer('layers.1').getConfig();
      expect([config.padding, config.shiftRule ?? 'perAxis', config.dropPath]).to.deep.equal([
        ...['attended', shiftRule, [0, 0, 0, 0]],
      ]);
    }
    const other = await swinFromCheckpoint(await saveWeights(swinTransformer(small)), {
      ...{padding: 'attended', dropPath: 0.5, qkScale: 2},
    });
    const {padding, dropPath, qkScale} = other.model.getLayer('layers.1').getConfig();
    expect([padding, (dropPath as number[])[3], qkScale]).to.deep.equal(['attended', 0.5, 2]);
  });

  it('says what of V2 was assumed, and where coordinates are others than in the file', async () => {
    const bytes = withoutMetadata(await saveWeights(swinTransformer(configs.V2), {layout: 'timm'}));
    const {report} = await swinFromCheckpoint(bytes, {windowSize: 3});
    expect(report.notes.map((note) => note.split(':')[0])).to.deep.equal([
      ...['windowSize', 'pretrainedWindowSize', 'padding'],
    ]);
    const sized = await swinFromCheckpoint(bytes, {
      ...{windowSize: 3, pretrainedWindowSize: 3, imageSize: [8, 16]},
    });
    expect(sized.report.notes.map((note) => note.split(':')[0])).to.deep.equal(['padding']);
    const windows = sized.model.layers.flatMap((layer) => layer.getConfig().windowSize ?? []);
    expect(windows).to.deep.equal([3, 3, 2, 2]);
  });

  it("builds V2's windows no larger than the maps of imageSize, one given for all stages", () => {
    const windows = (args: Args) =>
      swinTransformer({...small, patchSize: 4, variant: 'v2', ...args})
        .layers.filter(({name}) => /^layers\.\d$/.test(name))
        .map((layer) => [layer.getConfig().windowSize, layer.getConfig().pretrainedWindowSize]);
    const pair = (side: number) => [side, side];
    expect(windows({imageSize: 32, windowSize: 8})).to.deep.equal([
      [pair(8), pair(8)],
      [pair(4), pair(4)],
    ]);
    expect(
      windows({imageSize: 32, windowSize: [pair(8), pair(8)] as [number, number][]})[1][0],
    ).to.deep.equal(pair(8));
  });

  it('takes off what training adds to all names, says it, and takes a prefix', async () => {
    const given = parametersOf(await saveWeights(swinTransformer(small)));
    const named = (prefix: string, ...more: NamedValues[]) =>
      writeSafetensors([...given.map((one) => ({...one, name: prefix + one.name})), ...more]);
    for (const prefix of [
      'module.',
      '_orig_mod.',
      'module._orig_mod.',
      'model.',
      'net.',
      'encoder.',
      'backbone.',
    ]) {
      const {report} = await swinFromCheckpoint(named(prefix));
      expect([report.prefix, report.layout, report.missing.length]).to.deep.equal([prefix, 'microsoft', 0]);
    }
    const neck = {name: 'neck.weight', shape: [1], values: new Float32Array(1)};
    const detector = named('my_part.', neck);
    for (const prefix of ['my_part', 'my_part.']) {
      const {report} = await swinFromCheckpoint(detector, {prefix});
      expect([report.prefix, report.unexpected]).to.deep.equal(['my_part.', []]);
    }
    const wrong = await swinFromCheckpoint(detector, {prefix: 'other'}).catch((e: Error) => e);
    expect((wrong as Error).message).to.match(
      /prefix must be what the names .* begin with; got other, and names as my_part/,
    );
  });

  it('takes files of torch.save, by their path too', async () => {
    const path = new URL('../../golden/torch/swin.pth', import.meta.url);
    const {report} = await swinFromCheckpoint(new Uint8Array(readFileSync(path)));
    const byPath = await fromFile(path.pathname);
    expect(byPath.report).to.deep.equal(report);
    expect(report.unexpected).to.deep.equal([]);
    expect(report.matched.length).to.equal(byPath.model.weights.length);
  });

  const bad: [string, () => Promise<unknown>, typeof CheckpointError | typeof ConfigError, RegExp][] = [
    [
      'V2 without its window',
      async () =>
        swinFromCheckpoint(withoutMetadata(await saveWeights(swinTransformer(configs.V2), {layout: 'timm'}))),
      CheckpointError,
      /must have relative_coords_table or relative_position_index .*give windowSize/,
    ],
    [
      'a network that is no Swin Transformer',
      async () => {
        const resnet = swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3});
        return swinFromCheckpoint(await saveWeights(resnet, {layout: 'tfjs-swint'}));
      },
      CheckpointError,
      /whole Swin Transformer only; got a checkpoint without stages of blocks/,
    ],
    [
      'windows that are no squares',
      async () =>
        swinFromCheckpoint(
          withoutMetadata(
            await saveWeights(
              swinTransformer({
                ...small,
                windowSize: [
                  [2, 3],
                  [2, 3],
                ],
              }),
              {layout: 'timm'},
            ),
          ),
        ),
      CheckpointError,
      /must have \(2 w - 1\)\^2 rows for windows of w by w; got 15/,
    ],
    [
      'other input channels',
      async () => swinFromCheckpoint(await saveWeights(swinTransformer(small)), {inChannels: 3}),
      CheckpointError,
      /the model's 3 input channels; got 2/,
    ],
    [
      'an option that can never work',
      async () => swinFromCheckpoint(await saveWeights(swinTransformer(small)), {dropPath: 2}),
      ConfigError,
      /dropPath/,
    ],
    [
      'an unknown layout',
      async () => swinFromCheckpoint(new Uint8Array(), {layout: 'keras' as 'timm'}),
      ConfigError,
      /swinFromCheckpoint: layout must be one of/,
    ],
  ];
  for (const [name, run, type, message] of bad) {
    it(`${name}: one ${type.name}`, async () => {
      const error = await run().catch((e: Error) => e);
      expect(error).to.be.instanceOf(type);
      expect((error as Error).message).to.match(message);
    });
  }
});
