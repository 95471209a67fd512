/** Products of matrices, with what stands before and after them: see product_shader.ts for the formula and the shapes. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {isF16} from '../runtime/f16_maps.js';
import {matrixUnits} from '../runtime/matrix_units.js';
import {deviceOf, run} from '../runtime/program.js';
import {float32Storage, rowStorage} from '../wgsl/row_storage.js';
import type {Tile} from '../wgsl/tile_loop.js';
import {type ProductParameters, productShader} from './product_shader.js';
import {chooseMatrixTile, chooseTile, partLength, tileGrid} from './tile_plan.js';

/** See the head of product_shader.ts; what is left out there is left out here. */
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
  f16Factors?: boolean;
  /** With f16Factors: which factor is a gradient. A in rows and B in columns, or A in columns and B in rows. */
  gradient?: 'a' | 'b';
  /** The largest numbers of the gradient's rows: written with 'a', if given; read with 'b'. */
  maxima?: tf.TensorInfo;
  /** Takes this tile instead of choosing one; for benchmarks. */
  tile?: Tile;
}

/** Dispatches one product. */
export function product(backend: WebGPUBackend, p: Product): void {
  const {m, n, k, layoutA = 'rows', layoutB = 'rows', parts = 1, base = 0, partStride = m * n} = p;
  const {a, b, c, bias, z, scale, slope, addend, gamma, beta, statistics, maxima, epsilon = 0} = p;
  const widthA = p.ones ? m - 1 : m;
  const units = p.f16Factors ? matrixUnits(deviceOf(backend)) : undefined;
  const tile = {...(units ? chooseMatrixTile(m, n, parts, units) : chooseTile(m, n, parts)), ...p.tile};
  const wholeC = [n, base, partStride].every((length) => length % 4 === 0);
  const storageC = isF16(c) ? 'f16' : wholeC ? 'vectors' : 'numbers';
  const parameters: ProductParameters = {
    ...{...tile, layoutA, layoutB},
    storageA: rowStorage(layoutA === 'rows' ? k : widthA, isF16(a)),
    storageB: rowStorage(layoutB === 'rows' ? n : k),
    storageC,
    prologue: p.prologue,
    keepStatistics: p.prologue === 'norm' && layoutA === 'rows' && statistics !== undefined,
    ones: p.ones === true,
    scaleB: p.scaleB === true && scale !== undefined,
    bias: bias !== undefined,
    gelu: p.gelu === true,
    z: z !== undefined,
    scale: !p.scaleB && scale !== undefined,
    slope: slope && (isF16(slope) ? 'f16' : float32Storage(storageC)),
    addend: addend !== undefined,
    gradient: units && p.gradient,
    keepMaxima: units !== undefined && p.gradient === 'a' && maxima !== undefined,
  };
  const {tiles, ...grid} = tileGrid(m, n, tile);
  const sizes = {m, n, k, widthA, ...grid, partLength: partLength(k, parts), base, partStride};
  run(
    backend,
    productShader,
    parameters,
    {a, b, c, bias, z, scale, slope, addend, gamma, beta, statistics, maxima},
    {...sizes, scaleRows: p.scaleRows ?? 1, epsilon},
    tiles * parts,
  );
}
