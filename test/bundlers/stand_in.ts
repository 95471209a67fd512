/** A small untrained network in the place of one that comes with the package, for tests of how its files get into a page. */

import {rmSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {swinResNet} from '../../architectures/swin_resnet.js';
import type {PixelBytes} from '../../src/data/image_input.js';
import {describeClassifier} from '../../src/inference/classifier_metadata.js';
import {classify, type Prediction} from '../../src/inference/classify.js';
import {saveModel} from '../../src/node/save_model.js';
import {pretrainedModels} from '../../src/pretrained_models.js';

export const STAND_IN = 'swin-resnet-cifar10';

/**
 * Puts it into a folder as the package has its networks.
 *
 * @param networks the folder `pretrained` of an installed package.
 * @param picture what the network is asked about.
 * @returns what it answers.
 */
export async function writeStandIn(networks: string, picture: PixelBytes): Promise<Prediction[]> {
  await tf.setBackend('cpu');
  const model = swinResNet({depth: 14, inputShape: [3, 16, 16], widths: [4, 4, 8], numClasses: 10, seed: 4});
  const {classNames} = pretrainedModels[STAND_IN];
  const scaling = {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]};
  describeClassifier(model, {classNames, ...scaling, dataFormat: 'channelsFirst', imageSize: [16, 16]});
  const folder = join(networks, STAND_IN);
  rmSync(folder, {recursive: true, force: true});
  await saveModel(model, folder);
  const predictions = await classify(model, picture);
  model.dispose();
  return predictions;
}
