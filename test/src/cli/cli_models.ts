/** Small models as training here saves them, and a command of the program in this process. */
import * as tf from '@tensorflow/tfjs';
import {run} from '../../../src/cli/run.js';
import {describeClassifier} from '../../../src/inference/classifier_metadata.js';
import {describeSegmenter} from '../../../src/inference/segmenter_metadata.js';
import {saveModel} from '../../../src/node/save_model.js';
import {TextStream} from '../../helpers/text_stream.js';

/** The exit code and what was written. */
export async function swint(...args: string[]) {
  const [out, err] = [new TextStream(), new TextStream()];
  const code = await run(args, {out, err});
  return {code, stdout: out.text, stderr: err.text};
}

/** Logits are 10 times the means of red, green and blue, 0 to 1. */
export async function saveColourClassifier(folder: string): Promise<void> {
  await tf.setBackend('cpu');
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({inputShape: [3, 8, 8], dataFormat: 'channelsFirst'}),
      tf.layers.dense({units: 3, useBias: false, weights: [tf.mul(tf.eye(3), 10)]}),
    ],
  });
  describeClassifier(model, {
    ...{classNames: ['red', 'green', 'blue'], mean: [0, 0, 0], std: [1, 1, 1], dataFormat: 'channelsFirst'},
    ...{imageSize: [8, 8], cropFraction: 1, cropMode: 'squash', interpolation: 'bilinear'},
  });
  await saveModel(model, folder);
  model.dispose();
}

/** Logits are 8 times the brightness of the left and of the right column of images of 2x2 pixels. */
export async function saveSidesClassifier(folder: string): Promise<void> {
  await tf.setBackend('cpu');
  // Channels, rows, columns: of each row of red the left pixel is for the first class.
  const kernel = tf.tensor2d([4, 0, 0, 4, 4, 0, 0, 4, ...new Array<number>(16).fill(0)], [12, 2]);
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [3, 2, 2]}),
      tf.layers.dense({units: 2, useBias: false, weights: [kernel]}),
    ],
  });
  describeClassifier(model, {
    ...{classNames: ['left', 'right'], mean: [0, 0, 0], std: [1, 1, 1], dataFormat: 'channelsFirst'},
    ...{imageSize: [2, 2], cropFraction: 1, cropMode: 'squash', interpolation: 'bilinear'},
  });
  await saveModel(model, folder);
  model.dispose();
}

/** Dark pixels are membrane, light ones cell: logits [0, 10 (red - 1/2)]. */
export async function saveBrightnessSegmenter(folder: string, described = true): Promise<void> {
  await tf.setBackend('cpu');
  const kernel = tf.tensor4d([0, 10, 0, 0, 0, 0], [1, 1, 3, 2]);
  const model = tf.sequential({
    layers: [
      tf.layers.permute({inputShape: [3, null, null] as unknown as number[], dims: [2, 3, 1]}),
      tf.layers.conv2d({filters: 2, kernelSize: 1, weights: [kernel, tf.tensor1d([0, -5])]}),
      tf.layers.permute({dims: [3, 1, 2]}),
    ],
  });
  if (described) {
    describeSegmenter(model, {
      ...{classNames: ['membrane', 'cell'], mean: [0, 0, 0], std: [1, 1, 1], dataFormat: 'channelsFirst'},
      ...{background: 'cell', border: 'membrane'},
    });
  }
  await saveModel(model, folder);
  model.dispose();
}
