/**
 * tfjs-swint/image-recognition: models as networks of the package tfjs-image-recognition-base. Importing this throws a
 * BackendError where that package has loaded a tfjs-core of its own.
 */
import './one_core.js';

export type {ImageRecognitionBase, NetParam} from './base_package.js';
export {type SwinNet, type SwinNetOptions, type SwinNetParts, swinNet} from './swin_net.js';
