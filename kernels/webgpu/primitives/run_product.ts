/** Runs product.ts: chooses its tile and how long sums are cut. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {isHalf} from '../runtime/f16_maps.js';
import {matrixUnits} from '../runtime/matrix_units.js';
import {deviceOf, run} from '../runtime/program.js';
import {MATRIX_PIECE, type MatrixUnits, subgroupShare} from '../wgsl/matrix_loop.js';
import type {TileParameters} from '../wgsl/tile_loop.js';
import {type ProductParameters, productShader} from './product.js';

/** See the head of product.ts; what is left out there is left out here. */
export interface Product {
  m: number;
  n: number;
  k: number;
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  c: tf.TensorInfo;
  /** How the factors lie; see ProductParameters. Default 'rows' both. */
  layoutA?: 'rows' | 'columns';
  layoutB?: 'rows' | 'columns';
  prologue?: 'gelu' | 'norm';
  /** For 'norm'. */
  gamma?: tf.TensorInfo;
  beta?: tf.TensorInfo;
  /** For 'norm': read where A lies in columns, written, if given, where it lies in rows. */
  statistics?: tf.TensorInfo;
  epsilon?: number;
  /** Whether A gets a column of ones; it is part of m. */
  ones?: boolean;
  bias?: tf.TensorInfo;
  gelu?: boolean;
  z?: tf.TensorInfo;
  scale?: tf.TensorInfo;
  /** Whether `scale` goes to the rows of B, and not to those of the result. */
  scaleB?: boolean;
  scaleRows?: number;
  slope?: tf.TensorInfo;
  addend?: tf.TensorInfo;
  /** Parts that the sum is cut into; part i goes to c + base + i partStride. Defaults 1, 0 and m n. */
  parts?: number;
  base?: number;
  partStride?: number;
  /** Whether the factors may be rounded to 16-bit floats, for the matrix units of the device where it has some. */
  halfFactors?: boolean;
  /** With halfFactors: which factor is a gradient. A in rows and B in columns, or A in columns and B in rows. */
  gradient?: 'a' | 'b';
  /** The largest numbers of the gradient's rows: written with 'a', if given; read with 'b'. */
  maxima?: tf.TensorInfo;
  /** Takes this tile instead of choosing one; for benchmarks. */
  tile?: Tile;
}

/** Rows and columns of a tile, terms of a piece, and rows and columns of an invocation or subgroup of it. */
export type Tile = Omit<TileParameters, 'a' | 'b'>;

/** Workgroups that keep a GPU busy: a larger tile is taken where there are as many of it. */
const BUSY = 128;

/** Terms of a sum that a workgroup takes at once; a whole number of LARGE's. */
const PIECE = 16;

/** A tile and what an invocation has of it. */
const tile = (tileRows: number, tileColumns: number, rows: number, columns = 4, piece = PIECE) => ({
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
const TILES: [mostColumns: number, ReturnType<typeof tile>[]][] = [
  [16, [tile(128, 16, 4), tile(64, 16, 4)]],
  [32, [tile(128, 32, 8), tile(64, 32, 4), tile(32, 32, 4)]],
  [Number.POSITIVE_INFINITY, [tile(128, 64, 8), MIDDLE, tile(32, 32, 4)]],
];

const tilesOf = (m: number, n: number, {tileRows, tileColumns}: {tileRows: number; tileColumns: number}) =>
  Math.ceil(m / tileRows) * Math.ceil(n / tileColumns);

/** Whether large tiles have little beyond the columns of a result, and there are enough of them. */
const isLarge = (m: number, n: number, results: number) =>
  LARGE.tileColumns * Math.ceil(n / LARGE.tileColumns) <= 1.125 * n &&
  tilesOf(m, n, LARGE) * results >= 2 * BUSY;

/** The tile for results [m, n], so many of them. */
export function chooseTile(m: number, n: number, results: number) {
  if (isLarge(m, n, results)) return LARGE;
  const tiles = TILES.find(([mostColumns]) => n <= mostColumns)?.[1] ?? [];
  return tiles.find((one) => tilesOf(m, n, one) * results >= BUSY) ?? tiles[tiles.length - 1];
}

/** The tile for a result [m, n] on matrix units, and the units. */
function chooseMatrixTile(m: number, n: number, results: number, units: MatrixUnits) {
  const share = subgroupShare(units);
  const tiles = [
    [128, 64],
    [64, 64],
    [32, 32],
  ].map(([tileRows, tileColumns]) => ({tileRows, tileColumns}));
  const worthHaving = n <= 32 ? tiles.slice(2) : tiles;
  const chosen = worthHaving.find((one) => tilesOf(m, n, one) * results >= BUSY) ?? tiles[2];
  return {...chosen, ...share, ...units, piece: MATRIX_PIECE};
}

/** Terms of one part. */
export const partLength = (k: number, parts: number) => PIECE * Math.ceil(k / parts / PIECE);

/** Fewest terms of a part. */
const PART = 256;

/** Into how many parts the sums of `k` terms of results [m, n] are cut. */
export function partsOfSum(k: number, results: [number, number][]): number {
  const tiles = results.reduce((sum, [m, n]) => sum + tilesOf(m, n, MIDDLE), 0);
  const wanted = Math.max(1, Math.min(Math.ceil((2 * BUSY) / Math.max(1, tiles)), Math.floor(k / PART)));
  return Math.max(1, Math.ceil(k / partLength(Math.max(1, k), wanted)));
}

/** Dispatches one product. */
export function product(backend: WebGPUBackend, p: Product): void {
  const {m, n, k, layoutA = 'rows', layoutB = 'rows', parts = 1, base = 0, partStride = m * n} = p;
  const {a, b, c, bias, z, scale, slope, addend, gamma, beta, statistics, epsilon = 0} = p;
  const widthA = p.ones ? m - 1 : m;
  const units = p.halfFactors ? matrixUnits(deviceOf(backend)) : undefined;
  const chosen = {
    ...(units ? chooseMatrixTile(m, n, parts, units) : chooseTile(m, n, parts)),
    ...p.tile,
  };
  const parameters: ProductParameters = {
    a: layoutA,
    b: layoutB,
    ...chosen,
    vectorA: (layoutA === 'rows' ? k : widthA) % 4 === 0,
    vectorB: (layoutB === 'rows' ? n : k) % 4 === 0,
    vectorC: n % 4 === 0 && base % 4 === 0 && partStride % 4 === 0,
    halfA: isHalf(a) || undefined,
    halfC: isHalf(c) || undefined,
    halfSlope: isHalf(slope) || undefined,
    prologue: p.prologue,
    keep: (p.prologue === 'norm' && layoutA === 'rows' && statistics && true) || undefined,
    ones: p.ones || undefined,
    scaleB: (p.scaleB && scale && true) || undefined,
    bias: bias && true,
    gelu: p.gelu || undefined,
    z: z && true,
    scale: (!p.scaleB && scale && true) || undefined,
    slope: slope && true,
    addend: addend && true,
    gradient: units && p.gradient,
    keepMaxima: (units && p.gradient === 'a' && p.maxima && true) || undefined,
  };
  const tilesDown = Math.ceil(m / chosen.tileRows);
  const tilesAcross = Math.ceil(n / chosen.tileColumns);
  const sizes = {m, n, k, widthA, tilesDown, tilesAcross, partLength: partLength(k, parts), base, partStride};
  run(
    backend,
    productShader,
    parameters,
    {a, b, c, bias, z, scale, slope, addend, gamma, beta, statistics, maxima: p.maxima},
    {...sizes, scaleRows: p.scaleRows ?? 1, epsilon},
    tilesDown * tilesAcross * parts,
  );
}
