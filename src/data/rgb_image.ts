/** An image of RGB bytes, [height, width, 3], row by row: what decoders return and resizing takes. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}
