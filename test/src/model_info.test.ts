import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinBase, swinResNet, swinSmall, swinTiny} from '../../architectures/index.js';
import {ConfigError} from '../../src/errors.js';
import {modelInfo} from '../../src/model_info.js';
import {withoutInitialWeights} from '../helpers/models.js';

describe('modelInfo', () => {
  // As the paper gives them.
  for (const [name, form, billions] of [
    ['Swin-T', swinTiny, 4.5],
    ['Swin-S', swinSmall, 8.7],
    ['Swin-B', swinBase, 15.4],
  ] as const) {
    it(`counts ${billions} G multiply-adds for ${name} at 224`, () => {
      withoutInitialWeights(() => {
        const model = form();
        const info = modelInfo(model, {inputShape: [3, 224, 224]});
        expect(info.multiplyAdds / 1e9).to.be.closeTo(billions, 0.01 * billions + 0.05);
        expect(info.parameters).to.equal(model.countParams());
        expect(info.weightBytes).to.equal(4 * info.parameters);
      });
    });
  }

  it('counts convolutions, dense layers and shared layers, and prints a table', () => {
    const input = tf.input({shape: [8, 8, 3]});
    const shared = tf.layers.conv2d({name: 'shared', filters: 3, kernelSize: 3, padding: 'same'});
    const once = shared.apply(input) as tf.SymbolicTensor;
    const twice = shared.apply(once) as tf.SymbolicTensor;
    const depthwise = tf.layers.depthwiseConv2d({
      name: 'depthwise',
      kernelSize: 3,
      strides: 2,
      padding: 'same',
    });
    const small = depthwise.apply(tf.layers.add().apply([once, twice])) as tf.SymbolicTensor;
    const flat = tf.layers.flatten().apply(small) as tf.SymbolicTensor;
    const model = tf.model({
      inputs: input,
      outputs: tf.layers.dense({name: 'head', units: 5}).apply(flat) as tf.SymbolicTensor,
    });
    const info = modelInfo(model);
    const by = (name: string) => info.layers.filter((layer) => layer.name === name);
    expect(by('shared').map(({multiplyAdds}) => multiplyAdds)).to.deep.equal([64 * 81, 64 * 81]);
    expect(by('shared').map(({parameters}) => parameters)).to.deep.equal([84, 0]);
    expect(by('depthwise')[0].multiplyAdds).to.equal(16 * 3 * 9);
    expect(by('head')[0].multiplyAdds).to.equal(48 * 5);
    expect(info.multiplyAdds).to.equal(2 * 64 * 81 + 16 * 27 + 240);
    expect(info.parameters).to.equal(model.countParams());
    const lines = info.text.split('\n');
    expect(lines.length).to.equal(info.layers.length + 2);
    expect(lines[1]).to.match(/^shared \(Conv2D\)\s+\[1, 8, 8, 3\]\s+84\s+5,184\s+336\s+768$/);
  });

  it('counts a SwinResNet and its twin', () => {
    const swin = modelInfo(swinResNet({numClasses: 10}));
    const twin = modelInfo(swinResNet({numClasses: 10, convolution: true}));
    expect(swin.multiplyAdds).to.be.above(twin.multiplyAdds);
    expect(swin.layers.find(({className}) => className === 'SwinT')?.multiplyAdds).to.be.above(0);
  });

  it('asks for the sizes that the model leaves open', () => {
    withoutInitialWeights(() => {
      expect(() => modelInfo(swinTiny())).to.throw(ConfigError, /every size of \[3, \*, \*\]; got none/);
      expect(() => modelInfo(swinTiny(), {inputShape: [1, 224, 224]})).to.throw(
        ConfigError,
        /got \[1, 224, 224\]/,
      );
    });
  });
});
