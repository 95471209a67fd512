/**
 * Products of matrices, with what stands before and after them in a network.
 *
 *   C[M, N] = s[row] * f(p(A) (r B) + bias) * d(slope) + addend
 *
 *   A      [M, K] or, `a: 'columns'`, [K, M];   B [K, N] or, `b: 'columns'`, [N, K]
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

import type {Binding, Shader} from '../runtime/program.js';
import {HALF} from '../wgsl/f16_storage.js';
import {GELU} from '../wgsl/gelu.js';
import {balanceDeclarations, balancePart, balanceRows, balanceUndo} from '../wgsl/gradient_scaling.js';
import {four, loaded, type Rows, reader, stored} from '../wgsl/matrix_access.js';
import {
  MATRIX_BUILTINS,
  MATRIX_EXTENSIONS,
  type MatrixUnits,
  matrixLoop,
  matrixMemory,
  onMatrices,
} from '../wgsl/matrix_loop.js';
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
    /** Whether rows of A, B and C are whole vectors. */
    vectorA: boolean;
    vectorB: boolean;
    vectorC: boolean;
    /** Whether A, C with z, and slope are 16-bit floats. */
    halfA?: boolean;
    halfC?: boolean;
    halfSlope?: boolean;
    prologue?: 'gelu' | 'norm';
    /** With 'norm' and A in rows: whether the statistics are kept. */
    keep?: boolean;
    ones?: boolean;
    scaleB?: boolean;
    bias?: boolean;
    gelu?: boolean;
    z?: boolean;
    scale?: boolean;
    slope?: boolean;
    addend?: boolean;
    /** On matrix units: the factor that is a gradient, and with 'a' whether its maxima are kept. */
    gradient?: 'a' | 'b';
    keepMaxima?: boolean;
  };

const size = (p: ProductParameters) => invocations(p) * (p.matrixLanes ?? 1);

const rowsOfA = (p: ProductParameters): Rows => (p.halfA ? 'half' : p.vectorA);
const rowsOfC = (p: ProductParameters): Rows => (p.halfC ? 'half' : p.vectorC);
const rowsOfSlope = (p: ProductParameters): Rows => (p.halfSlope ? 'half' : p.vectorC);

function bindings(p: ProductParameters): Binding[] {
  const matrix = (name: string, rows: Rows, access: 'in' | 'out' = 'in'): Binding => ({
    name,
    type: rows === 'half' ? 'vec2u' : rows ? 'vec4f' : 'f32',
    access,
  });
  return [
    matrix('c', rowsOfC(p), 'out'),
    ...(p.z ? [matrix('z', rowsOfC(p), 'out')] : []),
    ...(p.keep ? [matrix('statistics', false, 'out')] : []),
    ...(p.keepMaxima ? [matrix('maxima', false, 'out')] : []),
    matrix('a', rowsOfA(p)),
    matrix('b', p.vectorB),
    ...(p.prologue === 'norm' ? [matrix('gamma', p.vectorA), matrix('beta', p.vectorA)] : []),
    ...(p.prologue === 'norm' && p.a === 'columns' ? [matrix('statistics', false)] : []),
    ...(p.bias ? [matrix('bias', false)] : []),
    ...(p.scale || p.scaleB ? [matrix('scale', false)] : []),
    ...(p.slope ? [matrix('slope', rowsOfSlope(p))] : []),
    ...(p.addend ? [matrix('addend', p.vectorC)] : []),
    ...(p.gradient === 'b' ? [matrix('maxima', false)] : []),
  ];
}

/** What A goes through before the product, four numbers at a time. */
function prepareA(p: ProductParameters): string {
  if (p.gradient === 'a') return 'v *= powers[outer - tileBegin];';
  if (p.prologue === 'gelu') return 'v = gelu(v);';
  if (p.prologue !== 'norm') return '';
  const [mean, inverse] =
    p.a === 'rows'
      ? ['rowNorms[outer - tileBegin].x', 'rowNorms[outer - tileBegin].y']
      : ['statistics[2u * outer]', 'statistics[2u * outer + 1u]'];
  const gamma = four('gamma', p.vectorA, 'inner', 'left');
  return `v = (v - ${mean}) * ${inverse} * ${gamma} + ${four('beta', p.vectorA, 'inner', 'left')};`;
}

/** What B goes through. */
const prepareB = ({scaleB, gradient}: ProductParameters) =>
  `${scaleB ? 'v *= scale[outer / u.scaleRows];' : ''}${gradient === 'b' ? ' v *= power;' : ''}`;

const normsRows = (p: ProductParameters) => p.prologue === 'norm' && p.a === 'rows';

function declarations(p: ProductParameters): string {
  const widthA = p.a === 'rows' ? 'u.k' : 'u.widthA';
  const widthB = p.b === 'rows' ? 'u.n' : 'u.k';
  const norms = `
/** Mean and 1 / sqrt(variance + epsilon) of the rows of the tile, and the first of these rows. */
var<workgroup> rowNorms: array<vec2f, ${p.tileRows}>;
var<workgroup> rowSums: array<f32, ${size(p)}>;
var<private> tileBegin: u32;`;
  return `${onMatrices(p) ? matrixMemory(p) : tileMemory(p)}
${normsRows(p) ? norms : ''}
${p.gradient ? balanceDeclarations(p.gradient, p.tileRows, size(p)) : ''}
${p.halfA || p.halfC || p.halfSlope ? HALF : ''}
${p.gelu || p.slope || p.prologue === 'gelu' ? GELU : ''}
${reader('a', rowsOfA(p), widthA, prepareA(p), p.ones === true)}
${reader('b', p.vectorB, widthB, prepareB(p))}`;
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
      let v = ${four('a', rowsOfA(p), 'start + i', 'left')};
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
      rowNorms[normRow] = vec2f(mean, inverseSqrt(sum / f32(u.k) + u.epsilon));
      ${
        p.keep
          ? `if (firstColumn == 0u && firstRow + normRow < u.m) {
        statistics[2u * (firstRow + normRow)] = rowNorms[normRow].x;
        statistics[2u * (firstRow + normRow) + 1u] = rowNorms[normRow].y;
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
          ${p.gradient ? balanceUndo(p.gradient) : ''}
          ${p.bias ? `v += ${loaded('bias', false, 'column')};` : ''}
          ${p.z ? stored('z', rowsOfC(p), 'at', 'v') : ''}
          ${p.gelu ? 'v = gelu(v);' : ''}
          ${p.slope ? `v *= geluDerivative(${loaded('slope', rowsOfSlope(p), 'at')});` : ''}
          ${p.scale ? 'v *= scale[row / u.scaleRows];' : ''}
          ${p.addend ? `v += ${loaded('addend', p.vectorC, 'at')};` : ''}
          ${stored('c', rowsOfC(p), 'at', 'v')}`;

const body = (p: ProductParameters) => `${tilePlace(p)}
  let m = u.m;
  let n = u.n;
  let offset = u.base + part * u.partStride;
  let begin = part * u.partLength;
  let last = min(u.k, begin + u.partLength);
  ${normsRows(p) ? rowNorms(p) : ''}
  ${p.gradient === 'a' ? balanceRows(p.tileRows, size(p), four('a', rowsOfA(p), 'start + i', 'left'), p.keepMaxima) : ''}
  ${p.gradient === 'b' ? balancePart(size(p)) : ''}
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
