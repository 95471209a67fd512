/**
 * Images with a class for every pixel, read by index: what a segmentation network is trained and tested on. The images may
 * differ in size.
 */

/** An image of bytes, [height, width, channels]. What `decodeImage` returns is one, and so is a browser's ImageData. */
export interface PixelImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** An image and its mask. */
export interface LabelledImage extends PixelImage {
  data: Uint8Array;
  /** Class index of each pixel, [height, width]; or the data set's `ignoreIndex`. */
  mask: Uint8Array;
}

export interface SegmentationDataset {
  /** What to call it in messages and reports. */
  readonly name: string;
  /** Number of images. */
  readonly size: number;
  /** Colour channels per pixel; 3 for RGB. */
  readonly channels: number;
  /** Class names, at most 255; a mask's values are indices into them. */
  readonly classNames: readonly string[];
  /** Value in masks of pixels that count for nothing; undefined where every pixel has a class. */
  readonly ignoreIndex?: number;
  /** What image `index` is called, known without reading it. */
  imageName(index: number): string;
  /** Image `index`; shared with a cache, so copy it before writing into it. Rejects with DataError if it cannot be read. */
  read(index: number): Promise<LabelledImage>;
}

/** A training set and the test set that goes with it; same channels, classes and ignoreIndex. */
export interface SegmentationSplit {
  train: SegmentationDataset;
  test: SegmentationDataset;
}

/** Value in masks of pixels that count for nothing, as Pascal VOC and Cityscapes have it. */
export const IGNORED_PIXEL = 255;
