/**
 * Where the files of the trained networks are, beside this file in the package. Each URL is written out, because bundlers
 * (Vite, webpack 5) look for exactly this form, copy the file and put its new URL in this place.
 */
import type {PretrainedName} from './pretrained_models.js';

/** URLs of model.json and of the weights, which is one file. */
export interface PretrainedFiles {
  model: URL;
  weights: URL;
}

export const PRETRAINED_FILES: Readonly<Record<PretrainedName, () => PretrainedFiles>> = {
  'swin-resnet-cifar10': () => ({
    model: new URL('../../pretrained/swin-resnet-cifar10/model.json', import.meta.url),
    weights: new URL('../../pretrained/swin-resnet-cifar10/weights.bin', import.meta.url),
  }),
  'swin-unet-membranes': () => ({
    model: new URL('../../pretrained/swin-unet-membranes/model.json', import.meta.url),
    weights: new URL('../../pretrained/swin-unet-membranes/weights.bin', import.meta.url),
  }),
};
