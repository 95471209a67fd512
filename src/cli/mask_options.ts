/** The options of commands that read images with masks, and the sets that they stand for; see node/mask_folder.ts. */
import type {SegmentationSplit} from '../data/segmentation_dataset.js';
import {type MaskFolderArgs, maskFolder} from '../node/mask_folder.js';
import type {MaskValue} from '../node/mask_values.js';
import {option, type Values} from './options.js';
import {listOf, path, type Reader} from './values.js';

/** A byte, or a colour such as #ff8000. */
const maskValue: Reader<MaskValue> = (given, refuse) => {
  const colour = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(given);
  if (colour) return [1, 2, 3].map((part) => Number.parseInt(colour[part]!, 16)) as [number, number, number];
  const grey = /^\d{1,3}$/.test(given) ? Number(given) : 256;
  return grey <= 255 ? grey : refuse('a grey value from 0 to 255 or a colour such as #ff8000', given);
};

/** A share, a range of numbers as names, or names. */
const heldOut: Reader<readonly string[] | number> = (given, refuse) => {
  if (/^0?\.\d+$/.test(given) && Number(given) > 0) return Number(given);
  const range = /^(\d+)-(\d+)$/.exec(given);
  if (range) {
    const [, from, to] = range;
    const [first, last] = [Number(from), Number(to)];
    // Names with leading zeros have all the same length.
    const width = from!.startsWith('0') ? from!.length : 0;
    const length = last - first + 1;
    if (length >= 1 && length <= 1e6) {
      return Array.from({length}, (_, i) => String(first + i).padStart(width, '0'));
    }
  }
  const names = given.split(',');
  const isNamed = !range && names.every((name) => name !== '' && !/^[-.]/.test(name));
  return isNamed
    ? names
    : refuse('names a,b,..., a range of numbers such as 20-29, or a share such as 0.2', given);
};

export const MASKS = {
  image: option('DIR', path('a folder'), null, 'folder of the images within the data', 'image'),
  label: option('DIR', path('a folder'), null, 'folder of the masks within the data', 'label'),
  maskSuffix: option(
    'TEXT',
    path('the end of a name'),
    null,
    "what follows an image's name in its mask's",
    'nothing',
  ),
  values: option(
    'V,V,...',
    listOf(maskValue),
    null,
    'value of each class in the masks: grey values, or colours such as #ff8000',
    'the grey values that occur, from dark to light',
  ),
  ignore: option('V', maskValue, null, 'value of pixels that count for nothing; goes with --values', 'none'),
  test: option(
    'WHICH',
    heldOut,
    null,
    'held-out images: names a,b,..., a range of numbers such as 20-29, or a share',
    '0.2',
  ),
};

/** The images of a folder with masks, held-out ones apart. @throws as `maskFolder`. */
export function openMasks(
  dir: string,
  classes: readonly string[],
  {image, label, maskSuffix, values, ignore, test, seed}: Values<typeof MASKS> & {seed: number},
): Promise<SegmentationSplit> {
  const args: MaskFolderArgs = {
    ...{classes, seed},
    ...(image === null ? {} : {images: image}),
    ...(label === null ? {} : {masks: label}),
    ...(maskSuffix === null ? {} : {maskSuffix}),
    ...(values === null ? {} : {values}),
    ...(ignore === null ? {} : {ignore}),
    ...(test === null ? {} : {test}),
  };
  return maskFolder(dir, args);
}
