/** What a classifier says of a picture: its most probable classes, with bars. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError} from '../errors.js';
import {classify} from '../node/classify.js';
import {bar} from './bars.js';
import type {Predictor, PredictSettings} from './predict_settings.js';

/** Characters of a bar of 100 %. */
const BAR_WIDTH = 30;

/** @throws ConfigError for more classes than the model has. */
export function classPredictor(
  model: tfl.LayersModel,
  {top, views}: Pick<PredictSettings, 'top' | 'views'>,
): Predictor {
  const classes = model.outputs[0]!.shape[1]!;
  if (top !== null && top > classes) {
    throw new ConfigError(`predict: --top must be at most ${classes}, the classes of the model; got ${top}.`);
  }
  const topK = top ?? Math.min(5, classes);
  return async (path) => {
    const predictions = await classify(model, path, {topK, views: views ?? 1});
    const width = Math.max(...predictions.map(({label}) => label.length));
    const lines = predictions.map(({label, probability}) => {
      const percent = `${(100 * probability).toFixed(1)}%`.padStart(6);
      return `  ${label.padEnd(width)}  ${bar(probability, BAR_WIDTH)} ${percent}`;
    });
    return {lines, json: {predictions}};
  };
}
