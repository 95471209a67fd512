/** The networks that the command line compares: the options reach them, and the twin of depth 10 costs as much. */
import '@tensorflow/tfjs';
import {expect} from 'chai';
import {buildNetwork, networkName} from '../../../src/cli/networks.js';
import {shapesSplit} from '../../../src/data/shapes.js';
import {modelInfo} from '../../../src/model_info.js';

describe('the networks of the command line', () => {
  const {train: data} = shapesSplit({trainSize: 20, testSize: 10});
  const settings = {depth: 10, widths: null, window: null, dropPath: 0, seed: 1};

  for (const window of [null, 2, 8]) {
    it(`depth 10, window ${window}: two networks of equal multiply-adds`, () => {
      const [swin, twin] = (['swin', 'conv'] as const).map((kind) =>
        buildNetwork(kind, {...settings, window}, data),
      );
      expect(modelInfo(twin).multiplyAdds / modelInfo(swin).multiplyAdds).to.be.within(0.98, 1.02);
      const {windowSize} = swin.getLayer('stage3.swin').getConfig();
      expect(windowSize).to.deep.equal([window ?? 4, window ?? 4]);
      for (const model of [swin, twin]) model.dispose();
    });
  }

  it('have the convolutions and the layer scale that are asked for, and twins of equal multiply-adds', () => {
    const locality = {
      ...{mlpConvolution: true, positionConvolution: true, valueConvolution: true, layerScale: 0.1},
    };
    for (const depth of [10, 14]) {
      const [swin, twin] = (['swin', 'conv'] as const).map((kind) =>
        buildNetwork(kind, {...settings, ...locality, depth}, data),
      );
      const layers = swin.layers.filter((layer) => layer.getClassName() === 'SwinT');
      expect(layers.length).to.be.above(0);
      for (const layer of layers) expect(layer.getConfig()).to.include(locality);
      if (depth === 10) {
        expect(modelInfo(twin).multiplyAdds / modelInfo(swin).multiplyAdds).to.be.within(0.98, 1.02);
      }
      for (const model of [swin, twin]) model.dispose();
    }
  });

  it('have names', () => {
    expect(networkName('swin', 10)).to.equal('SwinResNet-10');
    expect(networkName('conv', 10)).to.equal('ResNet-10');
  });
});
