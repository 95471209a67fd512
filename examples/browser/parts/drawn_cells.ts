/**
 * A drawn section of tissue, as under an electron microscope: cells, dark membranes between them, dark bodies inside of some,
 * noise; and the true class of every pixel.
 *
 *     one point in each square of CELL pixels; the cell of a pixel is that of the nearest point
 *     d = distance to the second nearest point - distance to the nearest
 *     membrane (class 0) where d < MEMBRANE, cell (class 1) elsewhere
 *     grey = the cell's own - 110 exp(-(d / MEMBRANE)^2) - 45 in a dark body + noise
 */

/** Mean distance of cells, in pixels. */
const CELL = 40;
/** Distances below which a pixel belongs to a membrane. */
const MEMBRANE = 6;

export interface DrawnSection {
  /** RGB bytes, [side, side, 3]. */
  data: Uint8Array;
  /** Class of each pixel, 0 membrane or 1 cell, [side, side]. */
  mask: Uint8Array;
  width: number;
  height: number;
}

/** Numbers in [0, 1) that follow from a seed: a multiplicative congruential generator (Park and Miller 1988). */
function randomNumbers(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

interface Cell {
  x: number;
  y: number;
  grey: number;
  /** Radius of its dark body; 0 where it has none. */
  body: number;
}

/** Draws a section of side x side pixels; equal seeds give equal sections. */
export function drawnCells(side: number, seed: number): DrawnSection {
  const random = randomNumbers(seed + 1);
  for (let i = 0; i < 10; i++) random(); // The first numbers of neighbouring seeds are alike.
  // One ring of squares around the picture, so that cells at its border look like all others.
  const across = Math.ceil(side / CELL) + 2;
  const cells = Array.from({length: across ** 2}, (_, i): Cell => {
    const [row, column] = [Math.floor(i / across) - 1, (i % across) - 1];
    return {
      x: (column + 0.15 + 0.7 * random()) * CELL,
      y: (row + 0.15 + 0.7 * random()) * CELL,
      grey: 165 + 30 * random(),
      body: random() < 0.4 ? 3 + 4 * random() : 0,
    };
  });
  const data = new Uint8Array(side * side * 3);
  const mask = new Uint8Array(side * side);
  for (let i = 0; i < mask.length; i++) {
    const [y, x] = [Math.floor(i / side), i % side];
    const {cell, nearest, second} = nearestOf(cells, across, x, y);
    const d = second - nearest;
    mask[i] = d < MEMBRANE ? 0 : 1;
    const dark = 110 * Math.exp(-((d / MEMBRANE) ** 2)) + (nearest < cell.body ? 45 : 0);
    const noise = 40 * (random() + random() - 1);
    data.fill(Math.round(Math.min(255, Math.max(0, cell.grey - dark + noise))), 3 * i, 3 * i + 3);
  }
  return {data, mask, width: side, height: side};
}

/** The cell of a pixel, its distance, and that of the next one. Points keep to their squares, so the nearest are close by. */
function nearestOf(cells: readonly Cell[], across: number, x: number, y: number) {
  const [column, row] = [Math.floor(x / CELL) + 1, Math.floor(y / CELL) + 1];
  let [cell, nearest, second] = [cells[0]!, Infinity, Infinity];
  for (let r = Math.max(0, row - 2); r <= Math.min(across - 1, row + 2); r++) {
    for (let c = Math.max(0, column - 2); c <= Math.min(across - 1, column + 2); c++) {
      const other = cells[r * across + c]!;
      const distance = Math.hypot(other.x - x, other.y - y);
      if (distance < nearest) [cell, nearest, second] = [other, distance, nearest];
      else if (distance < second) second = distance;
    }
  }
  return {cell, nearest, second};
}

let drawn = 0;

/** The next section as a picture: another one at each call. */
export async function drawnSection(): Promise<ImageBitmap> {
  const {data, width, height} = drawnCells(256, ++drawn);
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set([...data.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  return createImageBitmap(pixels);
}
