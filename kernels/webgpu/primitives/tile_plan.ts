/**
 * How the work of a product of matrices is cut: the tile of a workgroup, how many tiles a result has, and into how many
 * parts long sums are cut.
 */
import {workgroups} from '../runtime/shader.js';
import {MATRIX_PIECE, type MatrixUnits, subgroupShare} from '../wgsl/matrix_loop.js';
import type {Tile} from '../wgsl/tile_loop.js';

/** Workgroups that keep a GPU busy: a larger tile is taken where there are as many of it. */
const BUSY = 128;

/** Terms of a sum that a workgroup takes at once; a whole number of LARGE's. */
const PIECE = 16;

/** A tile and what an invocation has of it. */
const tile = (tileRows: number, tileColumns: number, rows: number, columns = 4, piece = PIECE): Tile => ({
  ...{tileRows, tileColumns, rows, columns, piece},
});

/** The tile by which parts are counted. */
const MIDDLE = tile(64, 64, 4);

/**
 * For wide results where there is much to do: what an invocation reads from workgroup memory serves for twice as many
 * products as with the others. The size that CUTLASS takes for float32.
 */
const LARGE = tile(128, 128, 8, 8, 8);

/**
 * Worth having, best first, by the columns of a result that is narrow: what a tile has beyond those is computed for
 * nothing.
 */
const TILES: [mostColumns: number, Tile[]][] = [
  [16, [tile(128, 16, 4), tile(64, 16, 4)]],
  [32, [tile(128, 32, 8), tile(64, 32, 4), tile(32, 32, 4)]],
  [Number.POSITIVE_INFINITY, [tile(128, 64, 8), MIDDLE, tile(32, 32, 4)]],
];

/** How many tiles a result [m, n] has, down and across. */
export function tileGrid(
  m: number,
  n: number,
  {tileRows, tileColumns}: Pick<Tile, 'tileRows' | 'tileColumns'>,
) {
  const tilesDown = workgroups(m, tileRows);
  const tilesAcross = workgroups(n, tileColumns);
  return {tilesDown, tilesAcross, tiles: tilesDown * tilesAcross};
}

/** Whether large tiles have little beyond the columns of a result, and there are enough of them. */
const isLarge = (m: number, n: number, results: number) =>
  LARGE.tileColumns * tileGrid(m, n, LARGE).tilesAcross <= 1.125 * n &&
  tileGrid(m, n, LARGE).tiles * results >= 2 * BUSY;

/** The tile for results [m, n], so many of them. */
export function chooseTile(m: number, n: number, results: number): Tile {
  if (isLarge(m, n, results)) return LARGE;
  const tiles = TILES.find(([mostColumns]) => n <= mostColumns)?.[1] ?? [];
  return tiles.find((one) => tileGrid(m, n, one).tiles * results >= BUSY) ?? tiles[tiles.length - 1];
}

/** The tile for a result [m, n] on matrix units, and the units. */
export function chooseMatrixTile(m: number, n: number, results: number, units: MatrixUnits) {
  const share = subgroupShare(units);
  const tiles = [
    [128, 64],
    [64, 64],
    [32, 32],
  ].map(([tileRows, tileColumns]) => ({tileRows, tileColumns}));
  const worthHaving = n <= 32 ? tiles.slice(2) : tiles;
  const chosen = worthHaving.find((one) => tileGrid(m, n, one).tiles * results >= BUSY) ?? tiles[2];
  return {...chosen, ...share, ...units, piece: MATRIX_PIECE};
}

/** Terms of one part. */
export const partLength = (k: number, parts: number) => PIECE * Math.ceil(k / parts / PIECE);

/** Fewest terms of a part. */
const PART = 256;

/** Into how many parts the sums of `k` terms of results [m, n] are cut. */
export function partsOfSum(k: number, results: [number, number][]): number {
  const tiles = results.reduce((sum, [m, n]) => sum + tileGrid(m, n, MIDDLE).tiles, 0);
  const wanted = Math.max(1, Math.min(Math.ceil((2 * BUSY) / Math.max(1, tiles)), Math.floor(k / PART)));
  return Math.max(1, Math.ceil(k / partLength(Math.max(1, k), wanted)));
}
