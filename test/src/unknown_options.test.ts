import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  Adam,
  AdamW,
  batches,
  ConfigError,
  channelStatistics,
  classify,
  cosineSchedule,
  cropBatches,
  diceCrossEntropy,
  drawnShapes,
  evaluate,
  evaluateSegmentation,
  loadWeights,
  Muon,
  modelInfo,
  overlayErrors,
  overlayMask,
  parseCifar,
  plateauSchedule,
  predictSegmentation,
  preprocess,
  SGD,
  saveWeights,
  setupBackend,
  shapesSplit,
  subset,
  swinFromCheckpoint,
  train,
  trainSegmentation,
  triangularSchedule,
} from '../../src/index.js';
import * as node from '../../src/node.js';

const model = tf.sequential({layers: [tf.layers.dense({units: 2, inputShape: [3]})]});
const none = undefined as never;

/** What a call says that must be refused. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the call is not refused');
}

/** A data set that nothing may be asked but its name. */
const data = {name: 'data'} as never;
const bytes = new Uint8Array();

const calls: [who: string, call: (options: never) => unknown, wrong: string, right: string][] = [
  ['setupBackend', (options) => setupBackend('cpu', options), 'thread', 'threads'],
  ['train', (options) => train(model, none, options), 'learningrate', 'learningRate'],
  ['trainSegmentation', (options) => trainSegmentation(model, none, options), 'cropsize', 'cropSize'],
  ['evaluate', (options) => evaluate(model, none, options), 'batchsize', 'batchSize'],
  ['classify', (options) => classify(model, none, options), 'topk', 'topK'],
  ['loadWeights', (options) => loadWeights(model, bytes, options), 'Strict', 'strict'],
  ['Adam', (options) => new Adam(options), 'beta_1', 'beta1'],
  ['AdamW', (options) => new AdamW(options), 'weightdecay', 'weightDecay'],
  ['channelStatistics(data)', (options) => channelStatistics(data, options), 'samples', 'sample'],
  ['cosineSchedule', cosineSchedule, 'warmupStep', 'warmupSteps'],
  ['cropBatches(data)', (options) => cropBatches(data, options), 'cropsize', 'cropSize'],
  ['diceCrossEntropy', diceCrossEntropy, 'classWeight', 'classWeights'],
  ['drawnShapes', drawnShapes, 'imagesize', 'imageSize'],
  [
    'evaluateSegmentation(data)',
    (options) => evaluateSegmentation(model, data, options),
    'batchsize',
    'batchSize',
  ],
  ['modelInfo', (options) => modelInfo(model, options), 'inputshape', 'inputShape'],
  ['overlayErrors', (options) => overlayErrors(none, none, none, options), 'ignoreindex', 'ignoreIndex'],
  ['overlayMask', (options) => overlayMask(none, none, options), 'colour', 'colors'],
  ['parseCifar', (options) => parseCifar(bytes, options), 'label', 'labels'],
  ['predictSegmentation', (options) => predictSegmentation(model, none, options), 'tiles', 'tile'],
  ['preprocess', (options) => preprocess(none, options), 'imagesize', 'imageSize'],
  ['Muon', (options) => new Muon(options), 'Momentum', 'momentum'],
  ['plateauSchedule', plateauSchedule, 'Patience', 'patience'],
  ['triangularSchedule', triangularSchedule, 'warmupStep', 'warmupSteps'],
  ['batches(data)', (options) => batches(data, options), 'batchsize', 'batchSize'],
  ['SGD', (options) => new SGD(options), 'Momentum', 'momentum'],
  ['saveWeights', (options) => saveWeights(model, options), 'layouts', 'layout'],
  ['shapesSplit', shapesSplit, 'trainsize', 'trainSize'],
  ['subset(data)', (options) => subset(data, options), 'limits', 'limit'],
  ['swinFromCheckpoint', (options) => swinFromCheckpoint(bytes, options), 'windowsize', 'windowSize'],
  ['cifarFiles(/none)', (options) => node.cifarFiles('/none', options), 'label', 'labels'],
  ['classify', (options) => node.classify(model, '/none', options), 'topk', 'topK'],
  ['decodeImage', (options) => node.decodeImage('/none', options), 'Decoder', 'decoder'],
  ['imageFolder(/none)', (options) => node.imageFolder('/none', options), 'imagesize', 'imageSize'],
  ['loadWeights', (options) => node.loadWeights(model, '/none', options), 'Strict', 'strict'],
  ['maskFolder(/none)', (options) => node.maskFolder('/none', options), 'value', 'values'],
  ['overlayMask', (options) => node.overlayPng(none, none, options), 'Opacity', 'opacity'],
  ['predictSegmentation', (options) => node.predictSegmentation(model, '/none', options), 'tiles', 'tile'],
  ['preprocess', (options) => node.preprocess('/none', options), 'imagesize', 'imageSize'],
  ['saveModel', (options) => node.saveModel(none, '/none', options), 'shardbytes', 'shardBytes'],
  ['saveWeights', (options) => node.saveWeights(model, '/none', options), 'layouts', 'layout'],
  ['swinFromCheckpoint', (options) => node.swinFromCheckpoint('/none', options), 'windowsize', 'windowSize'],
  ['writeReport', (options) => node.writeReport('/none', options), 'imagecount', 'imageCount'],
  ['writeSegmentationReport', (options) => node.writeSegmentationReport('/none', options), 'titles', 'title'],
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
