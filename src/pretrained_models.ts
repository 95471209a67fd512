/** The trained networks that come with the package: what each is for, and what its card says; see pretrained/. */
import {showValue} from '../kernels/common/show_value.js';
import {ConfigError} from './errors.js';

/** What a person has to know before using a network. */
export interface PretrainedCard {
  task: 'classify' | 'segment';
  /** In the order of the outputs. */
  classNames: readonly string[];
  /** What it was trained on. */
  data: string;
  /** How, in words. */
  recipe: string;
  /** The command that trained it. */
  command: string;
  /** What it reaches, and on which images. */
  result: string;
  /** Where it is not to be used. */
  limits: string;
}

const CARDS = {
  'swin-resnet-cifar10': {
    task: 'classify',
    classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    data: 'CIFAR-10, 50,000 training images of 32x32 (Krizhevsky 2009), recompressed as JPEG',
    recipe:
      "Six passes by the recipe 'small-images', the first 60 % of the steps on images of 24x24: 20 minutes on two cores",
    command:
      'tfjs-swint train --data cifar10 --depth 10 --model swin --recipe small-images --progressive-resizing 24,0.6 ' +
      '--epochs 6 --seed 0 --backend wasm --threads 2',
    result: '86.5 % of the 10,000 test images, six views of each',
    limits:
      'Pictures are reduced to 32x32, so that only one large object in the middle is seen; of anything but the ten classes it ' +
      'names one of them all the same.',
  },
  'swin-unet-membranes': {
    task: 'segment',
    classNames: ['membrane', 'cell'],
    data:
      "Sections 0-19 of the ISBI 2012 stack, serial-section electron microscopy of a fruit fly larva's nerve cord at " +
      '4 nm a pixel (Cardona et al. 2010)',
    recipe:
      '2,000 steps on 4 crops of 128x128, mirrored and turned; AdamW at 0.001, weight decay 0.05, cosine',
    command:
      'tfjs-swint train --task segment --data membrane --classes membrane,cell --background cell --border membrane ' +
      '--test 20-29 --epochs 40 --threads 1 --backend wasm',
    result: 'Sections 20-29: mean IoU 0.786, pixel accuracy 92.0 %, foreground-restricted Rand score 0.654',
    limits: 'One animal, one microscope, one resolution: other sections need training of their own.',
  },
} as const satisfies Record<string, PretrainedCard>;

/** The networks by name. */
export type PretrainedName = keyof typeof CARDS;

/** The cards of the networks that `pretrained` gives, by name. */
export const pretrainedModels: Readonly<Record<PretrainedName, PretrainedCard>> = CARDS;

/** Whether a network of this name comes with the package. */
export function isPretrained(name: unknown): name is PretrainedName {
  return typeof name === 'string' && Object.hasOwn(CARDS, name);
}

/** @throws ConfigError, which lists the names, for another one. */
export function checkPretrainedName(name: unknown): asserts name is PretrainedName {
  if (isPretrained(name)) return;
  throw new ConfigError(
    `pretrained: the name must be one of ${Object.keys(CARDS).join(', ')}; got ${showValue(name)}.`,
  );
}
