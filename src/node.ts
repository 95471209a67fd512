/** What needs files: image folders, CIFAR binaries, saved models, checkpoints and reports. Node only. */
export {type CifarFilesArgs, cifarFiles, detectCifar} from './node/cifar_files.js';
export {
  type DecodeImageArgs,
  decodeImage,
  encodePng,
  imageDecoder,
  type RgbImage,
} from './node/image_file.js';
export {type ImageFolderArgs, imageFolder} from './node/image_folder.js';
export {loadModel, saveModel} from './node/save_model.js';
export {loadWeights, saveWeights, swinFromCheckpoint} from './node/weight_files.js';
