import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  ConfigError,
  classify,
  evaluate,
  loadWeights,
  setupBackend,
  train,
  trainSegmentation,
} from '../../src/index.js';

const model = tf.sequential({layers: [tf.layers.dense({units: 2, inputShape: [3]})]});
const none = undefined as never;

/** What a call says that must be refused. */
async function refusal(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the call is not refused');
}

const calls: [who: string, call: (options: never) => Promise<unknown>, wrong: string, right: string][] = [
  ['setupBackend', (options) => setupBackend('cpu', options), 'thread', 'threads'],
  ['train', (options) => train(model, none, options), 'learningrate', 'learningRate'],
  ['trainSegmentation', (options) => trainSegmentation(model, none, options), 'cropsize', 'cropSize'],
  ['evaluate', (options) => evaluate(model, none, options), 'batchsize', 'batchSize'],
  ['classify', (options) => classify(model, none, options), 'topk', 'topK'],
  ['loadWeights', (options) => loadWeights(model, new Uint8Array(), options), 'Strict', 'strict'],
];

describe('unknown options', () => {
  for (const [who, call, wrong, right] of calls) {
    it(`${who}: ${wrong} is an error that suggests ${right}, before anything is done`, async () => {
      expect(await refusal(() => call({[wrong]: 1} as never))).to.equal(
        `${who}: arguments must be among those that it takes; got ${wrong} (try ${right}).`,
      );
      expect(await refusal(() => call(null as never))).to.equal(
        `${who}: the arguments must be an object; got null.`,
      );
    });
  }
});
