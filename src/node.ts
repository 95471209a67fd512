/** What needs files: images, image folders, CIFAR binaries, saved models, checkpoints and reports. Node only. */
export type {RgbImage} from './data/rgb_image.js';
export {type CifarFilesArgs, cifarFiles, detectCifar} from './node/cifar_files.js';
export {classify, type ImageSource, preprocess} from './node/classify.js';
export {type DecodeImageArgs, decodeImage, encodePng, imageDecoder} from './node/image_file.js';
export {type ImageFolderArgs, imageFolder} from './node/image_folder.js';
export {type ReportArgs, type ReportedModel, writeReport} from './node/report.js';
export {loadModel, saveModel} from './node/save_model.js';
export {loadWeights, saveWeights} from './node/weight_files.js';
