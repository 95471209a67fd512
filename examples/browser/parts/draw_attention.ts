/** Draws the windows of a block over a picture, and what one cell attends to. */
import type {WorkerModel} from 'tfjs-swint/worker';
import {contextOf} from './draw_picture.js';
import {make} from './page.js';

type Maps = Awaited<ReturnType<WorkerModel['attentionMaps']>>;

/** The attention of one block; see `attentionMaps`. */
export type AttentionLayer = Maps['layers'][number];

/** The window of each cell of the map. */
export function windowsOf({cells, tokens, size}: AttentionLayer): Int32Array {
  const windowOf = new Int32Array(size[0] * size[1]);
  for (const [i, cell] of cells.entries()) if (cell >= 0) windowOf[cell] = Math.floor(i / tokens);
  return windowOf;
}

/**
 * What a cell takes from each cell of the map, and the cells of its window.
 *
 * @param head Number of the head; the mean of all where it is undefined.
 */
export function ofCell(layer: AttentionLayer, [row, column]: readonly [number, number], head?: number) {
  const {size, heads, tokens, cells, probabilities} = layer;
  const place = cells.indexOf(row * size[1] + column);
  const [window, query] = [Math.floor(place / tokens), place % tokens];
  const of = head === undefined ? Array.from({length: heads}, (_, h) => h) : [head];
  const shares = new Float32Array(size[0] * size[1]);
  const members: number[] = [];
  for (let key = 0; key < tokens; key++) {
    const cell = cells[window * tokens + key]!;
    if (cell < 0) continue;
    members.push(cell);
    for (const h of of) {
      const scores = ((window * heads + h) * tokens + query) * tokens;
      shares[cell]! += probabilities[scores + key]! / of.length;
    }
  }
  return {shares, members};
}

export interface DrawAttentionArgs {
  cell: readonly [number, number];
  head?: number;
  /** Whether to draw the borders of all windows. */
  borders: boolean;
}

/** Fills the canvas, which lies over the picture that the map is of. */
export function drawAttention(
  canvas: HTMLCanvasElement,
  layer: AttentionLayer,
  args: DrawAttentionArgs,
): void {
  const {size} = layer;
  const [high, wide] = [canvas.height / size[0], canvas.width / size[1]];
  const context = contextOf(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const {shares, members} = ofCell(layer, args.cell, args.head);
  const most = Math.max(...shares);
  const at = (cell: number) => [(cell % size[1]) * wide, Math.floor(cell / size[1]) * high] as const;
  for (const cell of members) {
    const [x, y] = at(cell);
    context.fillStyle = 'rgb(0 114 178 / 45%)';
    context.fillRect(x, y, wide, high);
    context.fillStyle = `rgb(240 228 66 / ${(90 * shares[cell]!) / most}%)`;
    context.fillRect(x, y, wide, high);
  }
  if (args.borders) drawBorders(context, windowsOf(layer), size, [high, wide]);
  const [x, y] = at(args.cell[0] * size[1] + args.cell[1]);
  context.lineWidth = 4;
  context.strokeStyle = '#d55e00';
  context.strokeRect(x, y, wide, high);
}

/** A line wherever two neighbouring cells are in different windows. */
function drawBorders(
  context: CanvasRenderingContext2D,
  windowOf: Int32Array,
  [rows, columns]: readonly [number, number],
  [high, wide]: readonly [number, number],
): void {
  context.lineWidth = 2;
  context.strokeStyle = '#ffffff';
  context.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      if (column + 1 < columns && windowOf[cell] !== windowOf[cell + 1]) {
        context.moveTo((column + 1) * wide, row * high);
        context.lineTo((column + 1) * wide, (row + 1) * high);
      }
      if (row + 1 < rows && windowOf[cell] !== windowOf[cell + columns]) {
        context.moveTo(column * wide, (row + 1) * high);
        context.lineTo((column + 1) * wide, (row + 1) * high);
      }
    }
  }
  context.stroke();
}

/** Fills a canvas over `shown`, a canvas with the whole picture: the darker, the less the output was made of that part. */
export function drawRollout(
  canvas: HTMLCanvasElement,
  shown: HTMLCanvasElement,
  picture: ImageBitmap,
  {rollout, region}: Maps,
): void {
  const {width, height, values} = rollout;
  const most = Math.max(...values);
  const shades = new ImageData(width, height);
  for (const [i, value] of values.entries()) shades.data[4 * i + 3] = 255 * (1 - value / most);
  const small = make('canvas', {width, height});
  contextOf(small).putImageData(shades, 0, 0);
  canvas.width = shown.width;
  canvas.height = shown.height;
  const context = contextOf(canvas);
  // What the network does not see of the picture.
  context.fillRect(0, 0, canvas.width, canvas.height);
  const scale = canvas.width / picture.width;
  const place = [region.left, region.top, region.width, region.height].map((at) => at * scale);
  const [x, y, w, h] = place as [number, number, number, number];
  context.clearRect(x, y, w, h);
  context.drawImage(small, x, y, w, h);
}
