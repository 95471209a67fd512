/** What evaluation and training ask of a model: one image input, one row of logits per image, one per class. */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {ImageDataset} from '../data/dataset.js';
import {ConfigError} from '../errors.js';

/**
 * @throws ConfigError, in the name of `who`, unless the model maps images of the data set, in the data format, to
 *     [B, classes].
 */
export function checkClassifier(
  who: string,
  model: tfl.LayersModel,
  dataset: ImageDataset,
  dataFormat: 'channelsFirst' | 'channelsLast',
): void {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new ConfigError(
      `${who}: the model must have one input and one output; got ${model.inputs.length} and ${model.outputs.length}.`,
    );
  }
  const {height, width, channels, classNames} = dataset;
  const image = dataFormat === 'channelsFirst' ? [channels, height, width] : [height, width, channels];
  const input = model.inputs[0].shape.slice(1);
  if (input.length !== 3 || input.some((extent, axis) => extent != null && extent !== image[axis])) {
    throw new ConfigError(
      `${who}: the model's input must take the images of ${dataset.name}, [${image}] in ${dataFormat}; ` +
        `got [${input.map((extent) => extent ?? '?')}] (check dataFormat and the model's inputShape).`,
    );
  }
  const output = model.outputs[0].shape;
  if (output.length !== 2 || output[1] !== classNames.length) {
    throw new ConfigError(
      `${who}: the model must return one logit per class of ${dataset.name}, [B,${classNames.length}]; ` +
        `got [${output.map((extent) => extent ?? 'B')}] (set numClasses to ${classNames.length}).`,
    );
  }
}
