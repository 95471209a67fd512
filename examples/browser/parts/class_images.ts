/** The images of each class that a training learns from: made of files, of frames of the camera, or drawn; kept as bytes. */
import {contextOf} from './draw_picture.js';
import {make} from './page.js';
import {pictureOf} from './picture_field.js';

/** Side of the images that are learned. */
export const SIDE = 32;

/** RGB bytes [SIDE, SIDE, 3] of one image. */
export type ImageBytes = Uint8Array;

export interface ImageClass {
  name: string;
  images: ImageBytes[];
}

const canvas = make('canvas', {width: SIDE, height: SIDE});
const context = () => contextOf(canvas, {willReadFrequently: true});

/** Any picture as an image of SIDE x SIDE pixels, whatever its proportions, on white where it is transparent. */
export async function imageBytes(picture: ImageBitmapSource): Promise<ImageBytes> {
  const size = {resizeWidth: SIDE, resizeHeight: SIDE, resizeQuality: 'high'} as const;
  const bitmap = await createImageBitmap(picture, size);
  context().fillStyle = '#fff';
  context().fillRect(0, 0, SIDE, SIDE);
  context().drawImage(bitmap, 0, 0);
  bitmap.close();
  const {data} = context().getImageData(0, 0, SIDE, SIDE);
  return Uint8Array.from({length: SIDE * SIDE * 3}, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]!);
}

/** A small picture of an image. */
export function thumbnail(bytes: ImageBytes): HTMLCanvasElement {
  const pixels = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) pixels.data.set([...bytes.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  const made = make('canvas', {width: SIDE, height: SIDE, className: 'thumb'});
  contextOf(made).putImageData(pixels, 0, 0);
  return made;
}

/**
 * The images of files, by the names of the folders that they lie in.
 *
 * @param onProgress told how many are done.
 * @throws Error for a file that is no picture, or in no folder.
 */
export async function classesOfFiles(
  files: readonly {file: File; path: string}[],
  onProgress: (done: number) => void,
): Promise<ImageClass[]> {
  const classes = new Map<string, ImageBytes[]>();
  for (const [i, {file, path}] of files.entries()) {
    const folder = path.split('/').at(-2);
    if (!folder)
      throw new Error(`${path}: each image must lie in a folder, whose name is that of its class.`);
    const picture = await pictureOf(file);
    const images = classes.get(folder) ?? [];
    images.push(await imageBytes(picture));
    picture.close();
    classes.set(folder, images);
    onProgress(i + 1);
  }
  return [...classes].map(([name, images]) => ({name, images}));
}

/** The image files of a folder that was chosen. Others are left out, as the system puts files of its own into folders. */
export function filesOfField(files: Iterable<File>): {file: File; path: string}[] {
  return [...files].filter(isPicture).map((file) => ({file, path: file.webkitRelativePath || file.name}));
}

const isPicture = (file: File) => file.type.startsWith('image/');

/** The image files of folders that were dropped. */
export async function filesOfDrop({items}: DataTransfer): Promise<{file: File; path: string}[]> {
  // All entries are taken before the first wait: the drop's data is gone after it.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const found = await Promise.all(entries.map(filesBelow));
  return found.flat().filter(({file}) => isPicture(file));
}

async function filesBelow(entry: FileSystemEntry): Promise<{file: File; path: string}[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{file, path: entry.fullPath}];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const below: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives a hundred entries at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) break;
    below.push(...some);
  }
  return (await Promise.all(below.map(filesBelow))).flat();
}

const SHAPES: Readonly<Record<string, string>> = {
  circle: 'M-9 0 a9 9 0 1 0 18 0 a9 9 0 1 0 -18 0 Z',
  star: 'M0 -11 L3 -3 L11 -3 L5 2 L7 10 L0 5 L-7 10 L-5 2 L-11 -3 L-3 -3 Z',
  cross: 'M-3 -10 H3 V-3 H10 V3 H3 V10 H-3 V3 H-10 V-3 H-3 Z',
};

/** Three classes of drawn shapes, in colours, places and sizes by chance, for a visitor who has no images at hand. */
export async function drawnClasses(count: number): Promise<ImageClass[]> {
  const between = (low: number, high: number) => low + (high - low) * Math.random();
  const draw = async (path: string) => {
    const made = make('canvas', {width: SIDE, height: SIDE});
    const pen = contextOf(made);
    const hue = between(0, 360);
    pen.fillStyle = `hsl(${hue} 40% ${between(20, 40)}%)`;
    pen.fillRect(0, 0, SIDE, SIDE);
    pen.translate(SIDE / 2 + between(-4, 4), SIDE / 2 + between(-4, 4));
    pen.rotate(between(-0.4, 0.4));
    const size = between(0.8, 1.2);
    pen.scale(size, size);
    pen.fillStyle = `hsl(${hue + between(60, 300)} 70% ${between(60, 80)}%)`;
    pen.fill(new Path2D(path));
    return imageBytes(made);
  };
  return Promise.all(
    Object.entries(SHAPES).map(async ([name, path]) => {
      const images: ImageBytes[] = [];
      for (let i = 0; i < count; i++) images.push(await draw(path));
      return {name, images};
    }),
  );
}
