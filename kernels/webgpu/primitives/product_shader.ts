/**
 * The shader of products of matrices, with what stands before and after them in a network.
 *
 *   C[M, N] = s[row] * f(p(A) (r B) + bias) * d(slope) + addend
 *
 *   A      [M, K] or, `layoutA: 'columns'`, [K, M];   B [K, N] or, `layoutB: 'columns'`, [N, K]
 *   p      'gelu': exact GELU; 'norm': layer norm of the rows of what A holds, (v - mean) inverse gamma + beta. Where A
 *          lies in 'columns' its mean and inverse come as statistics [K, 2]; where it lies in 'rows' they are computed
 *          here, and kept as statistics [M, 2] where that is asked for
 *   r      one factor per u.scaleRows terms of the sum (`scaleB`)
 *   f      identity or exact GELU; z [M, N] keeps p(A) B + bias
 *   bias   [N];   s one factor per u.scaleRows rows;   slope [M, N], d the derivative of GELU;   addend [M, N]
 *   ones   A in 'columns' gets one more column, of ones: the last row of C is then the sum of the rows of B, which is
 *          the gradient of a bias
 *
 * Everything but A, B and C may be left out. The loop over the sum is tile_loop.ts or, with the parameters of
 * MatrixUnits, matrix_loop.ts, which rounds the factors to 16-bit floats; a gradient is scaled before (wgsl/gradient_scaling.ts).
 *
 * For sums that are long beside the result (weight gradients) the sum is cut into parts; part i goes to
 * C + u.base + i u.partStride, to be added up by sum_parts.
 */

import {type Binding, readBuffer, type Shader, writeBuffer} from '../runtime/shader.js';
import {GELU} from '../wgsl/gelu.js';
import {divideByPower, findPartPower, findRowPowers, scalingDeclarations} from '../wgsl/gradient_scaling.js';
import {factorReader, loadClamped, loadZeroPadded, storeClipped} from '../wgsl/matrix_access.js';
import {
  MATRIX_BUILTINS,
  MATRIX_EXTENSIONS,
  type MatrixUnits,
  matrixLoop,
  matrixMemory,
  onMatrices,
} from '../wgsl/matrix_loop.js';
import {elementType, F16_FUNCTIONS, float32Storage, type RowStorage} from '../wgsl/row_storage.js';
import {
  invocations,
  type TileParameters,
  tileLoop,
  tileMemory,
  tilePlace,
  tileUniforms,
} from '../wgsl/tile_loop.js';

/** What changes the text. */
export type ProductParameters = TileParameters &
  Partial<MatrixUnits> & {
    /** How the rows of A, of B, and of C, z and addend lie in memory; addend and B are float32. */
    storageA: RowStorage;
    storageB: RowStorage;
    storageC: RowStorage;
    prologue?: 'gelu' | 'norm';
    /** With 'norm' and A in rows: whether the statistics are written. */
    keepStatistics: boolean;
    ones: boolean;
    scaleB: boolean;
    bias: boolean;
    gelu: boolean;
    z: boolean;
    scale: boolean;
    /** How the rows of slope lie, where there is one. */
    slope?: RowStorage;
    addend: boolean;
    /** On matrix units: the factor that is a gradient, and with 'a' whether its maxima are written. */
    gradient?: 'a' | 'b';
    keepMaxima: boolean;
  };

const size = (p: ProductParameters) => invocations(p) * (p.matrixLanes ?? 1);

const normsRows = (p: ProductParameters) => p.prologue === 'norm' && p.layoutA === 'rows';

/** Storage of gamma and beta, whose numbers go with those of A, and of addend, with those of C. */
const besideA = (p: ProductParameters) => float32Storage(p.storageA);
const besideC = (p: ProductParameters) => float32Storage(p.storageC);

function bindings(p: ProductParameters): Binding[] {
  const read = (name: string, storage: RowStorage) => readBuffer(name, elementType(storage));
  const write = (name: string, storage: RowStorage) => writeBuffer(name, elementType(storage));
  return [
    write('c', p.storageC),
    ...(p.z ? [write('z', p.storageC)] : []),
    ...(p.keepStatistics ? [writeBuffer('statistics', 'RowNorm')] : []),
    ...(p.keepMaxima ? [writeBuffer('maxima')] : []),
    read('a', p.storageA),
    read('b', p.storageB),
    ...(p.prologue === 'norm' ? [read('gamma', besideA(p)), read('beta', besideA(p))] : []),
    ...(p.prologue === 'norm' && p.layoutA === 'columns' ? [readBuffer('statistics', 'RowNorm')] : []),
    ...(p.bias ? [readBuffer('bias')] : []),
    ...(p.scale || p.scaleB ? [readBuffer('scale')] : []),
    ...(p.slope ? [read('slope', p.slope)] : []),
    ...(p.addend ? [read('addend', besideC(p))] : []),
    ...(p.gradient === 'b' ? [readBuffer('maxima')] : []),
  ];
}

/** What A goes through before the product, four numbers at a time. */
function prepareA(p: ProductParameters): string {
  if (p.gradient === 'a') return 'v *= powers[outer - tileBegin];';
  if (p.prologue === 'gelu') return 'v = gelu(v);';
  if (p.prologue !== 'norm') return '';
  const norm = p.layoutA === 'rows' ? 'rowNorms[outer - tileBegin]' : 'statistics[outer]';
  const of = (name: string) => loadZeroPadded(name, besideA(p), 'inner', 'left');
  return `v = (v - ${norm}.mean) * ${norm}.inverse * ${of('gamma')} + ${of('beta')};`;
}

/** What B goes through. */
const prepareB = ({scaleB, gradient}: ProductParameters) =>
  `${scaleB ? 'v *= scale[outer / u.scaleRows];' : ''}${gradient === 'b' ? ' v *= power;' : ''}`;

function declarations(p: ProductParameters): string {
  const widthA = p.layoutA === 'rows' ? 'u.k' : 'u.widthA';
  const widthB = p.layoutB === 'rows' ? 'u.n' : 'u.k';
  const norms = `
/** Those of the rows of the tile, and the first of these rows. */
var<workgroup> rowNorms: array<RowNorm, ${p.tileRows}>;
var<workgroup> rowSums: array<f32, ${size(p)}>;
var<private> tileBegin: u32;`;
  const rowNorm = `
/** Mean and 1 / sqrt(variance + epsilon) of a row. */
struct RowNorm { mean: f32, inverse: f32 }`;
  return `${onMatrices(p) ? matrixMemory(p) : tileMemory(p)}
${p.prologue === 'norm' ? rowNorm : ''}
${normsRows(p) ? norms : ''}
${p.gradient ? scalingDeclarations(p.gradient, p.tileRows, size(p)) : ''}
${[p.storageA, p.storageC, p.slope].includes('f16') ? F16_FUNCTIONS : ''}
${p.gelu || p.slope || p.prologue === 'gelu' ? GELU : ''}
${factorReader('a', p.storageA, widthA, prepareA(p), p.ones)}
${factorReader('b', p.storageB, widthB, prepareB(p))}`;
}

/** Mean and variance of the rows of the tile: two passes, the invocations of a row side by side. */
function rowNorms(p: ProductParameters): string {
  const lanes = size(p) / p.tileRows;
  const total = `
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { sum += rowSums[normRow * ${lanes}u + i]; }
    workgroupBarrier();`;
  const sum = (name: string, value: string) => `
    var ${name} = vec4f();
    for (var i = 4u * (lane % ${lanes}u); i < u.k; i += ${4 * lanes}u) {
      let left = u.k - i;
      let v = ${loadZeroPadded('a', p.storageA, 'start + i', 'left')};
      ${value}
    }
    rowSums[lane] = dot(${name}, vec4f(1.0));`;
  return `
  tileBegin = firstRow;
  let normRow = lane / ${lanes}u;
  let start = min(firstRow + normRow, u.m - 1u) * u.k;
  var mean = 0.0;
  {${sum('values', 'values += v;')}${total}
    mean = sum / f32(u.k);
  }
  {${sum('squares', `let d = select(vec4f(), v - mean, vec4u(0u, 1u, 2u, 3u) < vec4u(left)); squares += d * d;`)}${total}
    if (lane % ${lanes}u == 0u) {
      rowNorms[normRow] = RowNorm(mean, inverseSqrt(sum / f32(u.k) + u.epsilon));
      ${
        p.keepStatistics
          ? `if (firstColumn == 0u && firstRow + normRow < u.m) {
        statistics[firstRow + normRow] = rowNorms[normRow];
      }`
          : ''
      }
    }
  }
  workgroupBarrier();`;
}

/** What becomes of four sums of a row before they are stored. */
const finish = (p: ProductParameters) => `
          let left = u.n - column;
          let at = offset + row * u.n + column;
          ${p.gradient ? divideByPower(p.gradient) : ''}
          ${p.bias ? `v += ${loadClamped('bias', 'numbers', 'column')};` : ''}
          ${p.z ? storeClipped('z', p.storageC, 'at', 'v') : ''}
          ${p.gelu ? 'v = gelu(v);' : ''}
          ${p.slope ? `v *= geluDerivative(${loadClamped('slope', p.slope, 'at')});` : ''}
          ${p.scale ? 'v *= scale[row / u.scaleRows];' : ''}
          ${p.addend ? `v += ${loadClamped('addend', besideC(p), 'at')};` : ''}
          ${storeClipped('c', p.storageC, 'at', 'v')}`;

/** The powers of a gradient, before the loop. */
function findPowers(p: ProductParameters): string {
  if (p.gradient === 'b') return findPartPower(size(p));
  const load = loadZeroPadded('a', p.storageA, 'start + i', 'left');
  return p.gradient === 'a' ? findRowPowers(p.tileRows, size(p), load, p.keepMaxima) : '';
}

const body = (p: ProductParameters) => `${tilePlace(p)}
  let m = u.m;
  let n = u.n;
  let offset = u.base + part * u.partStride;
  let begin = part * u.partLength;
  let last = min(u.k, begin + u.partLength);
  ${normsRows(p) ? rowNorms(p) : ''}
  ${findPowers(p)}
  ${onMatrices(p) ? matrixLoop(p, finish(p)) : tileLoop(p, finish(p))}`;

/**
 * See the head of this file. Uniforms: u.partLength, the terms of a part, is a multiple of the piece; u.widthA, the
 * numbers of a row of A where it lies in columns: u.m, or one less with `ones`.
 */
export const productShader: Shader<ProductParameters> = {
  name: 'product',
  size,
  uniforms: {
    m: 'u32',
    n: 'u32',
    k: 'u32',
    widthA: 'u32',
    ...tileUniforms,
    partLength: 'u32',
    base: 'u32',
    partStride: 'u32',
    scaleRows: 'u32',
    epsilon: 'f32',
  },
  bindings,
  extensions: (p) => (onMatrices(p) ? MATRIX_EXTENSIONS : []),
  builtins: (p) => (onMatrices(p) ? MATRIX_BUILTINS : []),
  declarations,
  body,
};
