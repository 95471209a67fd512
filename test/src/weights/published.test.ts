/**
 * Networks of timm and transformers, and a Swin-Unet, from their weights alone: results, and gradients under their names.
 */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {writeSafetensors} from '../../../src/weights/safetensors.js';
import {expectRelativeClose} from '../../helpers/compare.js';
import {goldenFiles, readGolden, valuesUnder} from '../../helpers/golden.js';
import {compareNetwork, isKeyBias} from '../../helpers/published_network.js';

interface Config {
  package: 'timm' | 'transformers' | 'swin-unet';
  options: Parameters<typeof swinFromCheckpoint>[1];
}

describe('networks of timm, transformers and Swin-Unet', () => {
  before(() => tf.setBackend('cpu'));

  for (const name of goldenFiles('', 'published')) {
    it(`${name}: results, and every gradient under its name`, async () => {
      const {tensors, config} = readGolden(name, 'published');
      const {options, package: from} = config as unknown as Config;
      const loaded = await swinFromCheckpoint(writeSafetensors(valuesUnder('state.', tensors)), options);
      const {report} = loaded;
      expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
      expect(report.layout).to.equal(from === 'transformers' ? 'huggingface' : from);
      const compared = await compareNetwork(loaded, tensors);
      expect(compared.length).to.be.above(20);
      for (const {name, actual, expected} of compared) {
        expect(actual, name).not.to.equal(null);
        if (isKeyBias(name)) expect(Math.max(...Array.from(actual!, Math.abs))).to.be.below(1e-4);
        else expectRelativeClose(name, actual!, expected, /^output/.test(name) ? 1e-5 : 1e-4);
      }
    });
  }
});
