import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type Conv2DInfo, type ReplaceConv2DOptions, replaceConv2D} from '../../architectures/index.js';
import {ConfigError} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';
import {
  channelsFirst,
  inputsFor,
  mnist,
  mobileNet,
  nested,
  resNet,
  shared,
  uNet,
} from './convolutional_networks.js';

const small: ReplaceConv2DOptions = {windowSize: 4, mlpRatio: 1, seed: 1};

const names = (list: {name: string}[]) => list.map(({name}) => name);

/** Every layer of a model and of those inside, by its full name. */
function layersOf(model: tf.LayersModel, path = ''): Map<string, tf.layers.Layer> {
  const all = new Map<string, tf.layers.Layer>();
  for (const layer of model.layers) {
    all.set(path + layer.name, layer);
    if (layer instanceof tf.LayersModel) {
      for (const [name, inner] of layersOf(layer, `${path}${layer.name}/`)) all.set(name, inner);
    }
  }
  return all;
}

/** Every layer but those replaced is there, with its shapes and, to the last bit, its weights. */
function expectRestKept(old: tf.LayersModel, now: tf.LayersModel, replaced: string[]): void {
  const layers = layersOf(now);
  for (const [name, layer] of layersOf(old)) {
    const copy = layers.get(name) as tf.layers.Layer;
    expect(copy, name).to.not.equal(undefined);
    expect(copy, name).to.not.equal(layer);
    if (layer instanceof tf.LayersModel) continue;
    const is = replaced.includes(name) ? 'SwinT' : layer.getClassName();
    expect(copy.getClassName(), name).to.equal(is);
    expect(copy.trainable, name).to.equal(layer.trainable);
    if (is === 'SwinT') continue;
    for (const [i, weight] of layer.getWeights().entries()) {
      expectBitEqual(`${name} ${i}`, copy.getWeights()[i].dataSync(), weight.dataSync());
    }
  }
  expect(now.inputNames).to.deep.equal(old.inputs.map(({sourceLayer}) => sourceLayer.name));
  const shapes = (model: tf.LayersModel) => [...model.inputs, ...model.outputs].map(({shape}) => shape);
  expect(shapes(now)).to.deep.equal(shapes(old));
}

const predictions = (model: tf.LayersModel, inputs: tf.Tensor[]) =>
  [model.predict(inputs.length === 1 ? inputs[0] : inputs)].flat() as tf.Tensor[];

/** Network, what is replaced by default, and what stays. */
const cases: [string, () => tf.LayersModel, string[], string[]][] = [
  ['a Sequential without padding', mnist, ['conv2'], ['conv1']],
  ['a ResNet with short cuts', resNet, ['a.conv1', 'a.conv2', 'b.conv1', 'b.conv2'], ['stem', 'b.short']],
  ['a U-Net of any size', uNet, ['bottom', 'up1'], ['down1', 'mask']],
  ['channelsFirst', channelsFirst, ['conv2', 'conv3'], ['conv1']],
  ['models inside', nested, ['encoder/conv1', 'encoder/conv2', 'decoder/conv3'], []],
  ['a convolution called twice', shared, ['conv'], []],
];

describe('replaceConv2D', () => {
  for (const [what, make, replaced, kept] of cases) {
    it(`${what}: SwinT of the same shapes, everything else as it was`, async () => {
      const old = make();
      const tensors = tf.memory().numTensors;
      const {model, report} = replaceConv2D(old, small);
      expect(tf.memory().numTensors - tensors).to.equal(model.weights.length);
      expect(names(report.replaced)).to.deep.equal(replaced);
      expect(names(report.kept)).to.have.members(kept);
      expectRestKept(old, model, replaced);
      for (const one of report.replaced) {
        const conv = layersOf(old).get(one.name) as tf.layers.Layer;
        expect(one.parametersBefore).to.equal(conv.countParams());
        const path = one.name.slice(0, one.name.lastIndexOf('/') + 1);
        const parts = one.layers.map((name) => layersOf(model).get(path + name) as tf.layers.Layer);
        expect(one.parametersAfter).to.equal(parts.reduce((sum, layer) => sum + layer.countParams(), 0));
      }
      // The numbers have the shapes that were promised, and survive a file.
      const inputs = inputsFor(old);
      const outputs = predictions(model, inputs);
      const loaded = predictions(await savedAndLoaded(model), inputs);
      for (const [i, expected] of predictions(old, inputs).entries()) {
        expect(outputs[i].shape).to.deep.equal(expected.shape);
        expectBitEqual(`output ${i}`, loaded[i].dataSync(), outputs[i].dataSync());
      }
    });
  }

  it('leaves a network of depthwise convolutions alone, and says why', () => {
    const old = mobileNet();
    const {model, report} = replaceConv2D(old);
    expect(report.replaced).to.deep.equal([]);
    expectRestKept(old, model, []);
    const reasons = Object.fromEntries(report.kept.map(({name, reason}) => [name, reason]));
    expect(reasons.stem).to.match(/input channels: 3, below 8/);
    expect(reasons.depthwise).to.match(/depthwise/);
    expect(reasons.pointwise).to.match(/kernel is 1x1/);
    expect(reasons.separable).to.match(/depthwise within/);
    expect(reasons.transpose).to.match(/enlarges the map/);
    expect(report.text).to.match(
      /^0 of 5 convolutions replaced\n\nkept +class +why\nstem +Conv2D +input channels/,
    );
    // The layer that sees features first, the one that sees the image last.
    const advice =
      "To replace some all the same, name them: replaceConv2D(model, {where: ['pointwise', 'stem']}).";
    expect(report.text.endsWith(`\n\n${advice}`), report.text).to.equal(true);
    expect(
      names(replaceConv2D(old, {...small, where: ['pointwise', 'stem']}).report.replaced),
    ).to.have.members(['pointwise', 'stem']);
  });

  it('ends the report with what to pass, shortly, or with that nothing can be', () => {
    const convolutions = (count: number, strides: number) =>
      tf.sequential({
        layers: Array.from({length: count}, (_, i) =>
          tf.layers.conv2d({name: `c${i}`, filters: 8, kernelSize: 1, strides, inputShape: [32, 32, 8]}),
        ),
      });
    const last = (model: tf.LayersModel) => replaceConv2D(model).report.text.split('\n').at(-1);
    expect(last(convolutions(7, 1))).to.equal(
      'To replace some all the same, name them: ' +
        "replaceConv2D(model, {where: ['c0', 'c1', 'c2', 'c3']}), and 3 more could be.",
    );
    expect(last(convolutions(1, 3))).to.match(/^No convolution of this model can be replaced: /);
  });

  it('takes a model from a file, and one that has been through it already', async () => {
    const old = await savedAndLoaded(resNet());
    const once = replaceConv2D(old, {...small, where: ['a.conv1']}).model;
    const {model, report} = replaceConv2D(await savedAndLoaded(once), {...small, where: ['b.conv1']});
    expect(names(report.replaced)).to.deep.equal(['b.conv1']);
    expectRestKept(once, model, ['a.conv1', 'b.conv1']);
    const swin = [once, model].map((one) => one.getLayer('a.conv1').getWeights());
    for (const [i, weight] of swin[0].entries()) {
      expectBitEqual(`SwinT ${i}`, swin[1][i].dataSync(), weight.dataSync());
    }
  });

  it('leaves the old model as it is, and outlives it', () => {
    const old = resNet();
    const [x] = inputsFor(old);
    const before = Array.from((old.predict(x) as tf.Tensor).dataSync());
    const {model} = replaceConv2D(old, small);
    expectBitEqual('the old one', (old.predict(x) as tf.Tensor).dataSync(), before);
    const expected = Array.from((model.predict(x) as tf.Tensor).dataSync());
    old.dispose();
    expectBitEqual('the new one', (model.predict(x) as tf.Tensor).dataSync(), expected);
  });

  it('gives every layer the same weights for the same seed, and different ones for different layers', () => {
    const weights = (seed: number) => {
      const {model} = replaceConv2D(resNet(), {...small, seed});
      const of = (name: string) =>
        model
          .getLayer(name)
          .getWeights()
          .map((w) => Array.from(w.dataSync()));
      return [of('a.conv1'), of('a.conv2')];
    };
    expect(weights(3)).to.deep.equal(weights(3));
    expect(weights(3)).to.not.deep.equal(weights(4));
    expect(weights(3)[0]).to.not.deep.equal(weights(3)[1]);
  });

  describe('where', () => {
    const replaced = (where: ReplaceConv2DOptions['where'], make = resNet) =>
      names(replaceConv2D(make(), {...small, where}).report.replaced);

    it('is names, also of a convolution of the image or of 1x1', () => {
      expect(replaced(['stem', 'b.short'])).to.deep.equal(['stem', 'b.short']);
      expect(replaced(['decoder/conv3'], nested)).to.deep.equal(['decoder/conv3']);
      expect(replaced([])).to.deep.equal([]);
    });

    it('is a function of what a layer is', () => {
      const seen: Conv2DInfo[] = [];
      const strided = (info: Conv2DInfo) => {
        seen.push(info);
        return info.strides[0] === 2;
      };
      expect(replaced(strided)).to.deep.equal(['b.conv1', 'b.short']);
      expect(seen.find(({name}) => name === 'b.conv1')).to.deep.equal({
        name: 'b.conv1',
        kernelSize: [3, 3],
        strides: [2, 2],
        dilationRate: [1, 1],
        padding: 'same',
        dataFormat: 'channelsLast',
        inChannels: 8,
        filters: 16,
        useBias: false,
        activation: 'linear',
        trainable: true,
        inputShape: [null, 8, 8, 8],
        outputShape: [null, 4, 4, 16],
        calls: 1,
      });
    });

    it('is a size of kernel', () => {
      expect(replaced({kernelSize: 1})).to.deep.equal(['b.short']);
      expect(replaced({kernelSize: [3, 3]})).to.deep.equal(['a.conv1', 'a.conv2', 'b.conv1', 'b.conv2']);
      expect(replaced({kernelSize: [3, 1]})).to.deep.equal([]);
    });
  });

  it('has heads nearest to 32 channels wide, one number for all, or a function', () => {
    const heads = (channels: number, numHeads?: ReplaceConv2DOptions['numHeads']) => {
      const shape = [4, 4, channels];
      const conv = tf.layers.conv2d({filters: 2, kernelSize: 3, padding: 'same', inputShape: shape});
      const {report} = replaceConv2D(tf.sequential({layers: [conv]}), {numHeads, mlpRatio: 0.1});
      return report.replaced[0].numHeads;
    };
    // The width of a head: 8, 32, 24, 36, 37, 32.
    expect([8, 32, 48, 72, 37, 96].map((channels) => heads(channels))).to.deep.equal([1, 1, 2, 2, 1, 3]);
    expect(heads(16, 4)).to.equal(4);
    expect(heads(16, ({inChannels}) => inChannels / 2)).to.equal(8);
  });

  it('hands on what SwinT takes, the regularizer and the constraint', () => {
    const conv = tf.layers.conv2d({
      name: 'conv',
      filters: 8,
      kernelSize: 3,
      trainable: false,
      inputShape: [6, 6, 8],
      kernelRegularizer: tf.regularizers.l2({l2: 0.5}),
      biasConstraint: 'nonNeg',
    });
    const options = {windowSize: 3, depth: 4, mlpRatio: 2, variant: 'v2', dropPath: 0.1} as const;
    const {model} = replaceConv2D(tf.sequential({layers: [conv]}), {
      ...options,
      padding: 'attended',
      seed: 5,
    });
    const config = model.getLayer('conv').getConfig();
    expect(config).to.include({depth: 4, mlpRatio: 2, variant: 'v2', padding: 'attended', seed: 5});
    expect(config).to.include({trainable: false, outChannels: 8, dataFormat: 'channelsLast'});
    expect(config.windowSize).to.deep.equal([3, 3]);
    expect(config.dropPath).to.deep.equal([0.1, 0.1, 0.1, 0.1]);
    expect(JSON.stringify(config.kernelRegularizer)).to.contain('0.5');
    expect(JSON.stringify(config.biasConstraint)).to.contain('NonNeg');
    expect(model.trainableWeights.length).to.equal(0);
  });

  it('leaves a frozen model frozen', () => {
    const old = nested();
    (old.getLayer('encoder') as tf.LayersModel).trainable = false;
    const {model} = replaceConv2D(old, small);
    const encoder = model.getLayer('encoder') as tf.LayersModel;
    expect(encoder.trainable).to.equal(false);
    expect(encoder.getLayer('conv1').weights.every(({trainable}) => !trainable)).to.equal(true);
    const {length} = model.getLayer('decoder').trainableWeights;
    expect(length).to.be.greaterThan(0);
    expect(model.trainableWeights.length).to.equal(length);
    for (const weight of old.getLayer('decoder').weights) weight.trainable = false;
    expect(replaceConv2D(old, small).model.trainableWeights).to.deep.equal([]);
  });

  it('has the activation behind the SwinT, whatever it is', () => {
    const {model} = replaceConv2D(mnist(), {...small, where: ['conv1', 'conv2']});
    const tail = model.layers.map((layer) => [layer.name, layer.getClassName()].join(' '));
    expect(tail).to.deep.equal([
      ...['conv1_input InputLayer', 'conv1 SwinT', 'conv1.crop SwinCropValid', 'conv1.activation Activation'],
      ...['pool1 MaxPooling2D', 'conv2 SwinT', 'conv2.crop SwinCropValid', 'conv2.activation Activation'],
      ...['flat Flatten', 'dense Dense'],
    ]);
    expect(model.getLayer('conv2.activation').getConfig().activation).to.equal('relu');
  });

  it('gives what it adds a name that is free', () => {
    const old = tf.sequential({
      layers: [
        tf.layers.conv2d({name: 'a', filters: 2, kernelSize: 3, activation: 'relu', inputShape: [5, 5, 8]}),
        tf.layers.reLU({name: 'a.activation'}),
      ],
    });
    expect(names(replaceConv2D(old, small).model.layers)).to.include.members([
      'a.activation',
      'a.activation_',
    ]);
  });

  it('reports as a table', () => {
    expect(replaceConv2D(mnist(), {...small, mlpRatio: 4}).report.text.split('\n')).to.deep.equal([
      '1 of 2 convolutions replaced: 876 parameters are 1,950 now',
      '',
      'replaced  kernel  strides  input         output         heads  window  parameters    now',
      'conv2     3x3     1x1      [*, 6, 6, 8]  [*, 4, 4, 12]      1  4x4            876  1,950',
      '',
      'kept   class   why',
      'conv1  Conv2D  input channels: 1, below 8 it is taken to look at an image',
    ]);
  });

  describe('what stays', () => {
    const single = (args: object) =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({name: 'conv', filters: 8, kernelSize: 3, inputShape: [12, 12, 8], ...args}),
        ],
      });
    const obstacles: [object, RegExp][] = [
      [{strides: 3}, /strides 3x3: a SwinT keeps the resolution or halves it/],
      [{strides: [1, 2]}, /strides 1x2/],
      [{dilationRate: 2}, /dilation 2x2: the windows of a SwinT have no gaps/],
      [
        {kernelConstraint: tf.constraints.maxNorm({axis: 2})},
        /kernelConstraint over axis 2: the kernels of a SwinT have two axes/,
      ],
    ];
    for (const [args, reason] of obstacles) {
      it(`${reason.source}`, () => {
        for (const where of [undefined, () => true, {kernelSize: 3}]) {
          const {report} = replaceConv2D(single(args), {where});
          expect(report.replaced).to.deep.equal([]);
          expect(report.kept[0].reason).to.match(reason);
        }
        expect(() => replaceConv2D(single(args), {where: ['conv']})).to.throw(ConfigError, reason);
      });
    }

    it('what is inside of wrappers, recurrent or of another rank', () => {
      const video = tf.input({shape: [3, 8, 8, 8]});
      const conv = tf.layers.conv2d({name: 'conv', filters: 8, kernelSize: 3});
      let x = tf.layers.timeDistributed({name: 'each', layer: conv}).apply(video);
      const inner = tf.sequential({
        name: 'inner',
        layers: [tf.layers.conv2d({name: 'deep', filters: 4, kernelSize: 3, inputShape: [6, 6, 8]})],
      });
      x = tf.layers.timeDistributed({name: 'eachModel', layer: inner}).apply(x);
      x = tf.layers.convLstm2d({name: 'lstm', filters: 2, kernelSize: 3}).apply(x);
      x = tf.layers.reshape({targetShape: [4, 2]}).apply(x);
      x = tf.layers.conv1d({name: 'sequence', filters: 2, kernelSize: 1}).apply(x);
      const old = tf.model({inputs: video, outputs: x as tf.SymbolicTensor});
      const {model, report} = replaceConv2D(old);
      const by = 'which calls it by itself';
      expect(report.kept).to.deep.equal([
        {name: 'each/conv', className: 'Conv2D', reason: `inside the TimeDistributed each, ${by}`},
        {
          name: 'eachModel/inner/deep',
          className: 'Conv2D',
          reason: `inside the TimeDistributed eachModel, ${by}`,
        },
        {name: 'lstm', className: 'ConvLSTM2D', reason: 'recurrent: its input is a sequence of maps'},
        {name: 'sequence', className: 'Conv1D', reason: 'its input is a sequence, not a map'},
      ]);
      const [expected, actual] = [old, model].map((one) => predictions(one, inputsFor(old))[0]);
      expectBitEqual('y', actual.dataSync(), expected.dataSync());
    });
  });

  describe('refuses', () => {
    const bad: [string, () => tf.LayersModel, object, RegExp][] = [
      [
        'a name that is not there',
        nested,
        {where: ['conv1']},
        /^replaceConv2D: where must name Conv2D layers of the model; got conv1 \(its Conv2D layers: encoder\/conv1, encoder\/conv2, decoder\/conv3\)\.$/,
      ],
      [
        'the name of another layer',
        mobileNet,
        {where: ['depthwise']},
        /got depthwise, a DepthwiseConv2D \(its Conv2D layers: stem, pointwise\)/,
      ],
      [
        'heads that do not divide',
        resNet,
        {numHeads: 3},
        /^SwinT\(a\.conv1\): numHeads must divide the input channels; got 8 channels and 3 heads \(try 2 or 4\)\.$/,
      ],
      [
        'heads of a function that are no number',
        resNet,
        {numHeads: () => 0.5},
        /^SwinT\(a\.conv1\): numHeads must be a whole number from 1; got 0\.5/,
      ],
      ['a window of 0, where nothing is chosen', mobileNet, {windowSize: 0}, /windowSize must be .* got 0/],
      ['an odd depth', mnist, {depth: 1}, /depth must be even/],
      ['a seed of 0.5', mnist, {seed: 0.5}, /seed must be a whole number/],
      [
        'a path of another kind',
        mnist,
        {keepPath: '3x3'},
        /^replaceConv2D: keepPath must be one of 'full', '1x1'; got '3x3'\.$/,
      ],
      [
        'a where of another kind',
        mnist,
        {where: 'conv1'},
        /^replaceConv2D: where must be names, a function or \{kernelSize\}; got 'conv1'\.$/,
      ],
      ['a kernel of 0', mnist, {where: {kernelSize: 0}}, /where\.kernelSize must be a whole number from 1/],
      ['an empty model', () => tf.sequential(), {}, /LayersModel with layers; got an empty one/],
      ['what is no model', () => ({}) as never, {}, /LayersModel with layers; got Object/],
    ];
    for (const [name, make, options, message] of bad) {
      it(`${name}: one ConfigError, and nothing is built`, () => {
        const model = make();
        const {numTensors} = tf.memory();
        expect(() => replaceConv2D(model, options)).to.throw(ConfigError, message);
        expect(tf.memory().numTensors).to.equal(numTensors);
      });
    }
  });

  eachBackend(
    () => {
      for (const [what, make, replaced] of cases) {
        it(`${what}: trains`, async () => {
          const {model} = replaceConv2D(make(), small);
          const inputs = inputsFor(model);
          const targets = predictions(model, inputs).map((y) => tf.randomNormal(y.shape, 0, 1, 'float32', 9));
          model.compile({optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError'});
          const swin = replaced.map((name) => layersOf(model).get(name) as tf.layers.Layer);
          const values = () => Promise.all(swin.flatMap((l) => l.getWeights()).map((w) => w.data()));
          const before = await values();
          const history = await model.fit(inputs, targets, {epochs: 2, verbose: 0});
          const [first, second] = history.history.loss as number[];
          expect(Number.isFinite(first) && second < first, `${first} to ${second}`).to.equal(true);
          const changed = (await values()).filter((now, i) => now.some((v, j) => v !== before[i][j]));
          expect(changed.length).to.be.greaterThan(0.8 * before.length);
        });
      }
    },
    {only: ['wasm', 'tensorflow']},
  );
});
