import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, evaluate, evaluateSegmentation, predictSegmentation} from '../../../src/index.js';

const classNames = ['a', 'b'];
const dataset = {name: 'data', size: 1, height: 2, width: 2, channels: 3, classNames} as never;
const image = {data: new Uint8Array(12), width: 2, height: 2};

const calls: [string, (model: never) => Promise<unknown>][] = [
  ['evaluate(data)', (model) => evaluate(model, dataset)],
  ['evaluateSegmentation(data)', (model) => evaluateSegmentation(model, dataset)],
  ['predictSegmentation', (model) => predictSegmentation(model, image)],
];

describe('what is no model', () => {
  for (const [who, call] of calls) {
    it(`is one error of ${who}, which says to await a promise`, async () => {
      const refusal = async (model: unknown) => {
        const error = await call(model as never).then(
          () => undefined,
          (thrown: Error) => thrown,
        );
        expect(error).to.be.instanceof(ConfigError);
        return error!.message;
      };
      const rule = `${who}: the model must be a LayersModel with layers; got `;
      expect(await refusal(undefined)).to.equal(`${rule}undefined.`);
      expect(await refusal(Promise.resolve())).to.equal(`${rule}Promise (await it).`);
      expect(await refusal(tf.sequential())).to.equal(`${rule}an empty one.`);
    });
  }
});
