import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, DiracInitializer, diracInitializer, swinT} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {savedAndLoaded} from '../helpers/models.js';

function convolution(
  inputs: number,
  filters: number,
  kernelSize: number,
  padding: 'same' | 'valid' = 'same',
) {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{filters, kernelSize, padding, inputShape: [5, 7, inputs]},
        kernelInitializer: diracInitializer({seed: 3}),
      }),
    ],
  });
}

describe('diracInitializer', () => {
  eachBackend(() => {
    for (const [inputs, filters, kernelSize] of [
      [4, 4, 3],
      [4, 9, 3],
      [6, 2, 3],
      [3, 5, 1],
      [3, 3, 2],
      [2, 4, 4],
    ] as const) {
      it(`${inputs} to ${filters} channels, ${kernelSize}x${kernelSize}: the identity on the first`, async () => {
        const model = convolution(inputs, filters, kernelSize);
        const x = tf.randomNormal([2, 5, 7, inputs], 0, 1, 'float32', 5);
        const y = model.predict(x) as tf.Tensor;
        const [given, found] = [await x.data(), await y.data()];
        const same = Math.min(inputs, filters);
        for (let cell = 0; cell < 70; cell++) {
          for (let c = 0; c < same; c++) {
            expect(found[cell * filters + c]).to.be.closeTo(given[cell * inputs + c], 1e-6);
          }
        }
        tf.dispose([x, y]);
        model.dispose();
      });
    }
  });

  it('starts the other channels uniformly up to 1 / sqrt(I cells), by the seed', async () => {
    await tf.setBackend('cpu');
    const [cells, inputs, outputs] = [9, 8, 200];
    const values = async (seed?: number) => {
      const kernel = diracInitializer({seed}).apply([3, 3, inputs, outputs]);
      expect([kernel.shape, kernel.dtype]).to.deep.equal([[3, 3, inputs, outputs], 'float32']);
      const data = Array.from(await kernel.data());
      kernel.dispose();
      return data;
    };
    const kernel = await values(1);
    const rest = kernel.filter((_, at) => at % outputs >= inputs);
    const limit = 1 / Math.sqrt(cells * inputs);
    expect(Math.max(...rest)).to.be.within(0.99 * limit, limit);
    expect(Math.min(...rest)).to.be.within(-limit, -0.99 * limit);
    const variance = rest.reduce((sum, value) => sum + value ** 2, 0) / rest.length;
    expect(variance / (limit ** 2 / 3)).to.be.closeTo(1, 0.03);
    expect(await values(1)).to.deep.equal(kernel);
    expect(await values(2)).not.to.deep.equal(kernel);
    expect(await values()).not.to.deep.equal(await values());
    const first = kernel.filter((_, at) => at % outputs < inputs);
    expect(first.reduce((sum, value) => sum + value, 0)).to.equal(inputs);
  });

  it('is the identity matrix for a dense layer, and at the centre of one and of three axes', async () => {
    const matrix = diracInitializer().apply([3, 3]);
    expect(Array.from(await matrix.data())).to.deep.equal([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const line = diracInitializer().apply([5, 1, 1]);
    expect(Array.from(await line.data())).to.deep.equal([0, 0, 1, 0, 0]);
    const box = diracInitializer().apply([3, 3, 3, 1, 1]);
    expect((await box.data()).indexOf(1)).to.equal(13);
    tf.dispose([matrix, line, box]);
  });

  it('is saved with a layer, built-in or ours, and leaves no tensor', async () => {
    await tf.setBackend('cpu');
    const model = convolution(2, 4, 3);
    const loaded = await savedAndLoaded(model);
    expect(loaded.layers[0].getConfig().kernelInitializer).to.deep.equal({
      className: 'SwinDirac',
      config: {seed: 3},
    });
    const held = tf.memory().numTensors;
    diracInitializer().apply([3, 3, 2, 4]).dispose();
    expect(tf.memory().numTensors).to.equal(held);
    const args = {numHeads: 2, windowSize: 2, inputShape: [4, 4, 4], kernelInitializer: diracInitializer()};
    const swin = tf.sequential({layers: [swinT(args)]});
    const again = await savedAndLoaded(swin);
    expect(again.layers[0].getConfig().kernelInitializer).to.deep.equal({className: 'SwinDirac', config: {}});
    for (const one of [model, loaded, swin, again]) one.dispose();
  });

  it('refuses a weight that is no kernel, and unknown or unusable arguments', () => {
    expect(() => new DiracInitializer().apply([4])).to.throw(ConfigError, /\[\.\.\., I, O\]; got \[4\]/);
    expect(() => diracInitializer({seed: 0.5})).to.throw(
      ConfigError,
      /seed must be a whole number; got 0\.5/,
    );
    expect(() => diracInitializer({seeds: 1} as never)).to.throw(ConfigError, /got seeds \(try seed\)/);
  });
});
