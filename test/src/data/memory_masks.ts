/** A small segmentation set in memory: bright and dark rectangles on grey, told apart by brightness under noise. */
import type {LabelledImage, SegmentationDataset} from '../../../src/data/segmentation_dataset.js';
import {type Random, randomStream} from '../../../src/data/shuffle.js';

interface MemoryMasksArgs {
  name?: string;
  /** Height and width of each image. */
  sizes: readonly (readonly [number, number])[];
  seed?: number;
  /** Value in masks of the outermost pixels; default none, they have classes like the others. */
  ignoreIndex?: number;
}

const CLASS_NAMES = ['grey', 'bright', 'dark'];
const LEVELS = [128, 200, 60];

/** The first channel of each pixel is the brightness of its class, give or take 15; the others are noise. */
export function memoryMasks({
  name = 'masks',
  sizes,
  seed = 1,
  ignoreIndex,
}: MemoryMasksArgs): SegmentationDataset {
  const images = sizes.map(([height, width], i) =>
    draw(height, width, randomStream(`${name}/${seed}/${i}`), ignoreIndex),
  );
  return {
    name,
    size: images.length,
    channels: 3,
    classNames: CLASS_NAMES,
    ignoreIndex,
    imageName: (index) => `image${index}`,
    read: async (index) => images[index]!,
  };
}

function draw(height: number, width: number, random: Random, ignoreIndex?: number): LabelledImage {
  const mask = new Uint8Array(height * width);
  for (const k of [1, 2]) {
    const [top, left] = [Math.floor((random() * height) / 2), Math.floor((random() * width) / 2)];
    for (let y = top; y < top + height / 2; y++) mask.fill(k, y * width + left, y * width + left + width / 2);
  }
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < mask.length; i++) {
    data[3 * i] = LEVELS[mask[i]!]! + Math.floor(random() * 31) - 15;
    data[3 * i + 1] = Math.floor(random() * 256);
    data[3 * i + 2] = Math.floor(random() * 256);
    const [y, x] = [Math.floor(i / width), i % width];
    const border = y === 0 || x === 0 || y === height - 1 || x === width - 1;
    if (ignoreIndex !== undefined && border) mask[i] = ignoreIndex;
  }
  return {data, mask, height, width};
}
