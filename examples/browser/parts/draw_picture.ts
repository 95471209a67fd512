/** Pictures on canvases. */

/** The longest side of a picture that a page shows. */
const LONGEST = 1024;

/** Draws a picture at its own size, or as large as a page shows one. */
export function drawPicture(canvas: HTMLCanvasElement, picture: ImageBitmap): void {
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  contextOf(canvas).drawImage(picture, 0, 0, canvas.width, canvas.height);
}

export function contextOf(
  canvas: HTMLCanvasElement,
  settings: CanvasRenderingContext2DSettings = {},
): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', settings);
  if (!context) throw new Error('The browser must be able to draw on a canvas.');
  return context;
}
