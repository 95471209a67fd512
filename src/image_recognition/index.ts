/** tfjs-swint/image-recognition: models as networks of the package tfjs-image-recognition-base. */
export type {ImageRecognitionBase, NetParam} from './base_package.js';
export {type SwinNet, type SwinNetOptions, type SwinNetParts, swinNet} from './swin_net.js';
