/** Errors of loading name the option that helps. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinT} from '../../../layers/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {loadWeights} from '../../../src/weights/load_weights.js';
import {writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {rejection} from '../node/small_model.js';

const layer = (projection: boolean) =>
  tf.sequential({
    layers: [
      swinT({numHeads: 2, windowSize: 2, variant: 'miziha', projection, inputShape: [4, 4, 4], name: 'swin'}),
    ],
  });

describe('errors of loading', () => {
  before(() => tf.setBackend('cpu'));

  it('name projection where only one side has it', async () => {
    const [plain, projected] = [layer(false), layer(true)];
    for (const layout of ['miziha', 'tfjs-swint'] as const) {
      const extra = await rejection(loadWeights(plain, await saveWeights(projected, {layout}), {layout}));
      expect(extra).to.be.instanceOf(CheckpointError);
      expect(extra.message).to.match(/do not, .*\(layers with projection: true have it/);
      const lost = await rejection(loadWeights(projected, await saveWeights(plain, {layout}), {layout}));
      expect(lost.message).to.match(/are not, .*\(layers without projection: true do not need it/);
    }
    for (const one of [plain, projected]) one.dispose();
  });

  it('name the layouts where none is found', async () => {
    const model = layer(false);
    const bytes = writeSafetensors([{name: 'strange', shape: [1], values: new Float32Array(1)}]);
    const error = await rejection(loadWeights(model, bytes));
    expect(error.message).to.match(/got strange \(give layout: one of microsoft, timm, .*tfjs-swint/);
    model.dispose();
  });
});
