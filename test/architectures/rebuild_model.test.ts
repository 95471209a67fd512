import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {rebuildModel} from '../../architectures/rebuild_model.js';
import {ConfigError, swinT} from '../../layers/index.js';
import type {Symbolic} from '../../layers/tfjs_types.js';
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

/** Recurrent layers whose state comes from another one, and in both directions. */
function recurrent(): tf.LayersModel {
  const steps = tf.input({name: 'steps', shape: [4, 3]});
  const [, h, c] = tf.layers.lstm({name: 'first', units: 5, returnState: true}).apply(steps) as Symbolic[];
  const second = tf.layers.lstm({name: 'second', units: 5, returnSequences: true});
  const y = second.apply(steps, {initialState: [h, c]}) as Symbolic;
  const gru = tf.layers.gru({name: 'gru', units: 2}) as never;
  const both = tf.layers.bidirectional({name: 'both', layer: gru, mergeMode: 'concat'}).apply(y);
  const cells = [3, 4].map((units) => tf.layers.simpleRNNCell({units}));
  const rnn = tf.layers.rnn({name: 'rnn', cell: cells, returnSequences: false}).apply(y);
  return tf.model({inputs: steps, outputs: [both, rnn] as Symbolic[], name: 'recurrent'});
}

/** Words with a mask, and layers of every step. */
function words(): tf.LayersModel {
  const ids = tf.input({name: 'ids', shape: [4], dtype: 'int32'});
  let x = tf.layers.embedding({name: 'embedding', inputDim: 7, outputDim: 6, maskZero: true}).apply(ids);
  x = tf.layers.timeDistributed({name: 'each', layer: tf.layers.dense({name: 'inner', units: 3})}).apply(x);
  return tf.model({inputs: ids, outputs: tf.layers.lstm({units: 2}).apply(x) as Symbolic});
}

/** A Sequential that starts with a model, whose own layers it then goes through. */
function startsWithModel(): tf.Sequential {
  const inner = tf.sequential({
    name: 'inner',
    layers: [tf.layers.conv2d({name: 'conv', filters: 4, kernelSize: 3, inputShape: [6, 6, 2]})],
  });
  return tf.sequential({name: 'outer', layers: [inner, tf.layers.flatten(), tf.layers.dense({units: 2})]});
}

/** A base whose tensors are used rather than the base, as people do for transfer learning; fixed batch. */
function onBase(): tf.LayersModel {
  const base = tf.sequential({
    layers: [
      tf.layers.conv2d({filters: 4, kernelSize: 3, batchInputShape: [2, 6, 6, 2]}),
      swinT({numHeads: 2, windowSize: 2, dataFormat: 'channelsLast'}),
    ],
  });
  const flat = tf.layers.flatten().apply(base.outputs[0]);
  return tf.model({inputs: base.inputs, outputs: tf.layers.dense({units: 2}).apply(flat) as Symbolic});
}

/** Its configuration leaves out its argument. */
class Forgetful extends tf.layers.Layer {
  static readonly className = 'Forgetful';
  private readonly size: number;
  constructor({size = 1}: {size?: number}) {
    super({});
    this.size = size;
  }
  override build(): void {
    this.addWeight('w', [this.size], 'float32', tf.initializers.ones());
    this.built = true;
  }
  override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.clone(Array.isArray(x) ? x[0] : x);
  }
}

const models: Record<string, () => tf.LayersModel> = {
  ...{channelsFirst, mnist, mobileNet, nested, resNet, shared, uNet},
  ...{recurrent, startsWithModel, onBase},
};

const predictions = (model: tf.LayersModel, inputs: tf.Tensor[]) =>
  [model.predict(inputs.length === 1 ? inputs[0] : inputs)].flat() as tf.Tensor[];

function expectSamePredictions(was: tf.LayersModel, is: tf.LayersModel, inputs = inputsFor(was)): void {
  const [expected, actual] = [was, is].map((model) => predictions(model, inputs));
  expect(actual.map(({shape}) => shape)).to.deep.equal(expected.map(({shape}) => shape));
  for (const [i, y] of actual.entries()) expectBitEqual(`output ${i}`, y.dataSync(), expected[i].dataSync());
}

describe('rebuildModel', () => {
  for (const [name, make] of Object.entries(models)) {
    it(`${name}: the same numbers from new layers, also of the model loaded from a file`, async () => {
      const model = make();
      const tensors = tf.memory().numTensors;
      const copy = rebuildModel('test', model);
      expect(tf.memory().numTensors - tensors).to.equal(copy.weights.length);
      expect(copy.inputs.map(({shape}) => shape)).to.deep.equal(model.inputs.map(({shape}) => shape));
      expect(copy.name).to.equal(model.name);
      const names = (one: tf.LayersModel) => one.layers.map(({name: layer}) => layer);
      expect(names(copy)).to.include.members(names(model));
      expectSamePredictions(model, copy);
      // A Sequential has these once it has run.
      expect(copy.inputNames).to.deep.equal(model.inputNames);
      expect(copy.outputNames).to.deep.equal(model.outputNames);
      const loaded = await savedAndLoaded(model);
      const again = rebuildModel('test', loaded);
      expectSamePredictions(loaded, again);
      expectSamePredictions(model, await savedAndLoaded(again));
    });
  }

  it('keeps integer inputs, masks and layers of every step', () => {
    const model = words();
    const copy = rebuildModel('test', model);
    expect(copy.inputs[0].dtype).to.equal('int32');
    expectSamePredictions(model, copy, [tf.tensor2d([1, 2, 0, 0, 6, 5, 4, 0], [2, 4], 'int32')]);
  });

  it('shares nothing: training one or disposing it leaves the other as it is', async () => {
    const model = mnist();
    const copy = rebuildModel('test', model);
    const [x] = inputsFor(model);
    const before = Array.from((model.predict(x) as tf.Tensor).dataSync());
    copy.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
    await copy.fit(x, tf.ones([2, 3]), {epochs: 1, verbose: 0});
    expect(Array.from((copy.predict(x) as tf.Tensor).dataSync())).to.not.deep.equal(before);
    expectBitEqual('the old one', (model.predict(x) as tf.Tensor).dataSync(), before);
    const after = Array.from((copy.predict(x) as tf.Tensor).dataSync());
    model.dispose();
    expectBitEqual('the new one', (copy.predict(x) as tf.Tensor).dataSync(), after);
  });

  it('keeps what is trainable: of models, of layers, of single weights', () => {
    const model = nested();
    const [encoder, decoder] = ['encoder', 'decoder'].map((name) => model.getLayer(name) as tf.LayersModel);
    encoder.trainable = false;
    decoder.getLayer('conv3').trainable = false;
    // Its bias comes first among its weights then.
    encoder.getLayer('conv2').weights[1].trainable = true;
    const copy = rebuildModel('test', model);
    const flags = (one: tf.LayersModel) =>
      ['encoder', 'decoder'].map((name) => {
        const inner = one.getLayer(name) as tf.LayersModel;
        const layers = inner.layers.filter(({weights}) => weights.length > 0);
        return [
          inner.trainable,
          layers.map((layer) => [
            layer.name,
            layer.trainable,
            layer.weights.map((w) => [w.shape, w.trainable]),
          ]),
        ];
      });
    expect(flags(copy)).to.deep.equal(flags(model));
    expect(copy.trainableWeights.length).to.equal(model.trainableWeights.length);
    expectSamePredictions(model, copy);
  });

  it('keeps a frozen layer frozen whose class forgets it', () => {
    const model = recurrent();
    model.getLayer('both').trainable = false;
    const copy = rebuildModel('test', model);
    expect(copy.getLayer('both').trainable).to.equal(false);
    expect(copy.trainableWeights.length).to.equal(model.trainableWeights.length);
  });

  it('keeps weights that their constraint would change, and metadata', () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({units: 2, inputShape: [3], kernelConstraint: 'nonNeg'})],
    });
    const kernel = tf.tensor2d([-1, 2, -3, 4, -5, 6], [3, 2]);
    (model.weights[0].read() as tf.Variable).assign(kernel);
    model.setUserDefinedMetadata({classNames: ['a', 'b']});
    const copy = rebuildModel('test', model);
    expectBitEqual('kernel', copy.weights[0].read().dataSync(), kernel.dataSync());
    expect(copy.getUserDefinedMetadata()).to.deep.equal({classNames: ['a', 'b']});
  });

  it('refuses a layer that its configuration does not describe, and leaves no weight behind', () => {
    const model = mnist();
    model.add(new Forgetful({size: 3}));
    const tensors = tf.memory().numTensors;
    expect(() => rebuildModel('test', model)).to.throw(
      ConfigError,
      /^test: a layer made again must have the weights of the old one; \S+ \(Forgetful\) has w \[1\] for w \[3\]\.$/,
    );
    expect(tf.memory().numTensors).to.equal(tensors);
  });

  it('refuses a layer that cannot be made again, with the reason of its class', () => {
    class Demanding extends tf.layers.Layer {
      static readonly className = 'Demanding';
      constructor({size}: {size: number[]}) {
        super({name: 'demanding'});
        if (size.length !== 2) throw new Error('no size');
      }
    }
    const model = mnist();
    model.add(new Demanding({size: [1, 2]}));
    expect(() => rebuildModel('test', model)).to.throw(
      ConfigError,
      /makes again from getConfig; demanding \(Demanding\) is not: /,
    );
  });
});
