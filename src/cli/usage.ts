/** The help texts. */
import {SHAPES_DEFAULTS} from './train_options.js';

export const MAIN_HELP = `tfjs-swint: Swin Transformer layers for TensorFlow.js

Usage: tfjs-swint <command> [options]

Commands:
  train        train a SwinT network and its convolutional twin, and compare them
  convert      turn a published checkpoint into a model of tfjs, a model into a checkpoint, or one layout into another

Options:
  --help       show this help; after a command, the command's own
  --version    show the version
`;

export const TRAIN_HELP = `tfjs-swint train: train an image classifier and its convolutional twin, and compare them

Usage: tfjs-swint train [options]

Without options it draws its own images (ten shapes) and trains both networks on them.

Data:
  --data DIR             a folder with one folder of JPEG or PNG images per class (or train/ and test/ of those), or
                         with the binary files of CIFAR-10 or CIFAR-100; default: drawn shapes
  --image-size N         pixels of a side; default ${SHAPES_DEFAULTS.imageSize} for shapes, a folder's first image's size
  --limit N              training images, balanced by class; default all (${SHAPES_DEFAULTS.trainImages} shapes)
  --test-limit N         test images, balanced by class; default all (${SHAPES_DEFAULTS.testImages} shapes)
  --bad-images fail|skip what an unreadable image does; default fail
  --flip, --no-flip      mirror half of the training images; default on, for shapes off
  --crop N               random crop of the image padded by N pixels; default 0

Networks:
  --model swin|conv|both which network; default both, one after the other
  --depth N              layers: 14, 20, 29 (for small images) or 50, 101, 152 (for 224 pixels); default 14
  --widths N,N,...       width of each stage's blocks; default the network's own (shapes ${SHAPES_DEFAULTS.widths.join(',')})
  --window N             window of the attention; default the network's own
  --drop-path RATE       stochastic depth of the SwinT layers, in [0, 1); default 0

Training:
  --epochs N             passes over the training images; default 10 (shapes ${SHAPES_DEFAULTS.epochs})
  --steps-per-epoch N    steps that count as an epoch; default one pass (shapes ${SHAPES_DEFAULTS.stepsPerEpoch})
  --batch-size N         images per step; default 64 (shapes ${SHAPES_DEFAULTS.batchSize})
  --learning-rate RATE   highest rate; default 0.003 (shapes ${SHAPES_DEFAULTS.learningRate})
  --weight-decay RATE    AdamW's; default 0.05
  --label-smoothing S    in [0, 1); default 0
  --warmup EPOCHS        linear warm-up, fractions allowed; default a twentieth of the epochs
  --seed N               decides data, order and weights; default 0
  --max-minutes N        training time over all networks; then it stops, evaluates and saves, the learning rate having
                         fallen with the time; default none

Machine:
  --backend NAME         tensorflow, webgpu, wasm or cpu; default the best that works
  --threads N            threads of the wasm backend; default all cores

Output:
  --out DIR              where models, history and report go; default runs/<date-time>
  --help                 show this help
`;

export const CONVERT_HELP = `tfjs-swint convert: published checkpoints and models of tfjs, into each other

Usage: tfjs-swint convert IN --to OUT [options]

  IN                     a checkpoint of a Swin Transformer (.safetensors, or .pth, .pt, .bin of torch.save) in the layout
                         of microsoft, timm, torchvision, huggingface or tfjs-swint;
                         or a folder with model.json
  --to OUT               a .safetensors file, or a folder for model.json and weights.bin; replaced where it is there

Options:
  --layout NAME          whose names a .safetensors file has: microsoft (default), timm, torchvision, huggingface, miziha,
                         or tfjs-swint, which takes any model
  --window N             window of the model, for which the weights are resized; needed for a checkpoint of Swin V2 that
                         does not tell its own; default the checkpoint's
  --image-size N         pixels of a side, for an absolute position embedding; default the checkpoint's
  --channels-last        images as [B, H, W, C]; default [B, C, H, W]
  --help                 show this help
`;
