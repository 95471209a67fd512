/**
 * How large a decoded image may be. A few bytes can announce, or compress to, an image that fills the memory, so the
 * number of pixels is checked against the file's size before anything is decoded:
 *
 *     pixels <= min(most, 2^24 + 1100 bytes)
 *
 * No JPEG comes near 1,100 pixels for a byte, and no PNG of 8 bits per value reaches it (the best that deflate does is
 * 1,032). Only blank PNGs of fewer bits exceed it, and those of up to 4096 x 4096 pixels are free.
 */

/** Pixels that every file may have. */
const FREE_PIXELS = 2 ** 24;
const PIXELS_PER_BYTE = 1100;

/** Most pixels of an image at all. sharp's own limit is the same. */
const MOST_PIXELS = 2 ** 28;

/** Without sharp; jpeg-js takes about 40 bytes for a pixel, half of them on the heap of JavaScript. */
const MOST_PIXELS_PLAIN = 2 ** 26;

/** Most scans of a progressive JPEG: encoders make about 10, and each takes a pass over the image. */
export const MOST_SCANS = 100;

/** Most pixels that a file of so many bytes may have. */
export function pixelLimit(bytes: number, plain: boolean): number {
  return Math.min(plain ? MOST_PIXELS_PLAIN : MOST_PIXELS, FREE_PIXELS + PIXELS_PER_BYTE * bytes);
}

/** What is wrong with an image of that size, or null. */
export function sizeFault(
  {width, height}: {width: number; height: number},
  bytes: number,
  plain: boolean,
): {rule: string; got: string} | null {
  const limit = pixelLimit(bytes, plain);
  if (width * height <= limit) return null;
  const count = (number: number) => number.toLocaleString('en-US');
  const most = plain ? MOST_PIXELS_PLAIN : MOST_PIXELS;
  const rule =
    limit < most
      ? `have at most ${count(limit)} pixels for its ${count(bytes)} bytes`
      : `have at most ${count(most)} pixels${plain && width * height <= MOST_PIXELS ? ' to be decoded without sharp' : ''}`;
  return {rule, got: `${height}x${width}, ${count(width * height)} pixels`};
}
