/** tfjs-image-recognition-base in Node, where it draws on the canvas of @napi-rs/canvas. */

import '@tensorflow/tfjs';
import {Canvas, createCanvas, Image, ImageData} from '@napi-rs/canvas';
import * as base from 'tfjs-image-recognition-base';

/** Gives the package the canvas; may be called again. */
export function useNodeCanvas(): void {
  Object.assign(globalThis, {ImageData});
  base.env.monkeyPatch({
    Canvas,
    Image,
    ImageData,
    createCanvasElement: () => createCanvas(1, 1),
    createImageElement: () => new Image(),
  } as unknown as Parameters<typeof base.env.monkeyPatch>[0]);
}

/** RGB bytes [height, width, 3] of a colourful picture. */
export function colourful(height: number, width: number, seed = 0): Uint8Array {
  return Uint8Array.from({length: 3 * height * width}, (_, i) => (i * i + 37 * i + 101 * seed) % 251);
}

/** A canvas that shows RGB bytes. */
export function canvasOf(bytes: Uint8Array, height: number, width: number): HTMLCanvasElement {
  const canvas = createCanvas(width, height);
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0; i < height * width; i++) rgba.set(bytes.subarray(3 * i, 3 * i + 3), 4 * i);
  canvas.getContext('2d').putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas as unknown as HTMLCanvasElement;
}

/** The same as an image, which the package takes too. */
export async function imageOf(canvas: HTMLCanvasElement): Promise<HTMLImageElement> {
  const image = new Image();
  const loaded = new Promise((resolve, reject) => Object.assign(image, {onload: resolve, onerror: reject}));
  image.src = (canvas as unknown as Canvas).toBuffer('image/png');
  await loaded;
  return image as unknown as HTMLImageElement;
}
