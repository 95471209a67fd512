/**
 * A labelled set of images of one size, read by index. Every source (drawn shapes, CIFAR binaries, a folder of
 * images) is one of these; batching, augmentation and training know nothing else.
 */
export interface ImageDataset {
  /** What to call it in messages and reports, for example `cifar-10/train`. */
  readonly name: string;
  /** Number of images. */
  readonly size: number;
  readonly height: number;
  readonly width: number;
  /** Colour channels per pixel; 3 for RGB. */
  readonly channels: number;
  /** Class names; a label is an index into them. */
  readonly classNames: readonly string[];
  /** Label of image `index`, known without decoding it. */
  label(index: number): number;
  /** Pixels of image `index` as bytes, [height, width, channels]. Rejects with DataError if it cannot be read. */
  read(index: number): Promise<Uint8Array>;
}

/** A training set and the test set that goes with it; same image size and classes. */
export interface DatasetSplit {
  train: ImageDataset;
  test: ImageDataset;
}
