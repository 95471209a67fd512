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
 * Everything but A, B and C may be left out.
 *
 * A workgroup computes a tile of C, an invocation 4 x 4 or more of it in registers. Pieces of A and B pass through
 * workgroup memory as vectors along the tile, [K piece][tile / 4]. For sums that are long beside the result (weight
 * gradients) the sum is cut into parts; part i goes to C + u.base + i u.partStride, to be added up by sum_parts.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication"; Volkov & Demmel 2008,
 * "Benchmarking GPUs to Tune Dense Linear Algebra", for registers as the innermost store.
 */
import {GELU} from './gelu.js';
import {HALF, stored, vectorAt} from './half.js';
import type {Binding, Shader} from './program.js';

/** What changes the text. */
export type ProductParameters = {
  /** How a factor lies: each row of the product's sum next to each other ('rows' for A, 'columns' for B), or across. */
  a: 'rows' | 'columns';
  b: 'rows' | 'columns';
  /** Rows and columns of a tile, terms of a piece, and rows and columns of an invocation; all multiples of 4. */
  tileRows: number;
  tileColumns: number;
  piece: number;
  rows: number;
  columns: number;
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
};

const threads = ({tileRows, tileColumns, rows, columns}: ProductParameters) =>
  (tileRows / rows) * (tileColumns / columns);

function bindings(p: ProductParameters): Binding[] {
  const matrix = (name: string, vector: boolean, access: 'in' | 'out' = 'in', half = false): Binding => ({
    name,
    type: half ? 'vec2u' : vector ? 'vec4f' : 'f32',
    access,
  });
  return [
    matrix('c', p.vectorC, 'out', p.halfC),
    ...(p.z ? [matrix('z', p.vectorC, 'out', p.halfC)] : []),
    ...(p.keep ? [matrix('statistics', false, 'out')] : []),
    matrix('a', p.vectorA, 'in', p.halfA),
    matrix('b', p.vectorB),
    ...(p.prologue === 'norm' ? [matrix('gamma', p.vectorA), matrix('beta', p.vectorA)] : []),
    ...(p.prologue === 'norm' && p.a === 'columns' ? [matrix('statistics', false)] : []),
    ...(p.bias ? [matrix('bias', false)] : []),
    ...(p.scale || p.scaleB ? [matrix('scale', false)] : []),
    ...(p.slope ? [matrix('slope', p.vectorC, 'in', p.halfSlope)] : []),
    ...(p.addend ? [matrix('addend', p.vectorC)] : []),
  ];
}

/** WGSL: four numbers of `name` from `at` on, of which `left` belong to its row; zeros for the others. */
const four = (name: string, vector: boolean, at: string, left: string, half = false) =>
  vector
    ? vectorAt(name, `(${at}) / 4u`, half)
    : `vec4f(${name}[${at}], ${[1, 2, 3]
        .map((i) => `select(0.0, ${name}[min(${at} + ${i}u, arrayLength(&${name}) - 1u)], ${left} > ${i}u)`)
        .join(', ')})`;

/**
 * Functions that read four numbers of a factor as the product takes them: `inner` counts along its rows in memory, of
 * `width` numbers, `outer` across them; zeros outside of it.
 */
function reader(
  name: 'a' | 'b',
  vector: boolean,
  half: boolean | undefined,
  width: string,
  ones: boolean,
  prepare: string,
): string {
  return `
fn ${name}At(outer: u32, inner: u32, outerEnd: u32) -> vec4f {
  if (outer >= outerEnd) { return vec4f(); }
  if (inner >= ${width}) { return ${ones ? `vec4f(select(0.0, 1.0, inner == ${width}), 0.0, 0.0, 0.0)` : 'vec4f()'}; }
  let left = ${width} - inner;
  var v = ${four(name, vector, `outer * ${width} + inner`, 'left', half)};
  ${prepare}${ones && !vector ? '\n  if (left < 4u) { v[left] = 1.0; }' : ''}
  return v;
}`;
}

/** What A goes through before the product, four numbers at a time. */
function prepareA(p: ProductParameters): string {
  if (p.prologue === 'gelu') return 'v = gelu(v);';
  if (p.prologue !== 'norm') return '';
  const [mean, inverse] =
    p.a === 'rows'
      ? ['rowNorms[outer - tileBegin].x', 'rowNorms[outer - tileBegin].y']
      : ['statistics[2u * outer]', 'statistics[2u * outer + 1u]'];
  const gamma = four('gamma', p.vectorA, 'inner', 'left');
  return `v = (v - ${mean}) * ${inverse} * ${gamma} + ${four('beta', p.vectorA, 'inner', 'left')};`;
}

const normsRows = (p: ProductParameters) => p.prologue === 'norm' && p.a === 'rows';

function declarations(p: ProductParameters): string {
  const read = `${reader('a', p.vectorA, p.halfA, p.a === 'rows' ? 'u.k' : 'u.widthA', p.ones === true, prepareA(p))}
${reader('b', p.vectorB, false, p.b === 'rows' ? 'u.n' : 'u.k', false, p.scaleB ? 'v *= scale[outer / u.scaleRows];' : '')}`;
  const norms = `
/** Mean and 1 / sqrt(variance + epsilon) of the rows of the tile, and the first of these rows. */
var<workgroup> rowNorms: array<vec2f, ${p.tileRows}>;
var<workgroup> rowSums: array<f32, ${threads(p)}>;
var<private> tileBegin: u32;`;
  return `
var<workgroup> tileA: array<vec4f, ${(p.piece * p.tileRows) / 4}>;
var<workgroup> tileB: array<vec4f, ${(p.piece * p.tileColumns) / 4}>;
${normsRows(p) ? norms : ''}
${p.halfA || p.halfC || p.halfSlope ? HALF : ''}
${p.gelu || p.slope || p.prologue === 'gelu' ? GELU : ''}
${read}`;
}

/** Mean and variance of the rows of the tile: two passes, the invocations of a row side by side. */
function rowNorms(p: ProductParameters): string {
  const lanes = threads(p) / p.tileRows;
  const total = `
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { sum += rowSums[normRow * ${lanes}u + i]; }
    workgroupBarrier();`;
  const sum = (name: string, value: string) => `
    var ${name} = vec4f();
    for (var i = 4u * (lane % ${lanes}u); i < u.k; i += ${4 * lanes}u) {
      let left = u.k - i;
      let v = ${four('a', p.vectorA, 'start + i', 'left')};
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

/**
 * Copies a piece of a factor into workgroup memory. A factor that lies along the tile goes as it is; one that lies along
 * the sum goes in squares of 4 x 4, turned in registers.
 */
function load(factor: 'a' | 'b', p: ProductParameters): string {
  const along = factor === 'a' ? p.a === 'columns' : p.b === 'rows';
  const tile = factor === 'a' ? 'tileA' : 'tileB';
  const width = (factor === 'a' ? p.tileRows : p.tileColumns) / 4;
  const first = factor === 'a' ? 'firstRow' : 'firstColumn';
  const size = factor === 'a' ? 'u.m' : 'u.n';
  if (along) {
    const count = p.piece * width;
    return `
    for (var i = lane; i < ${count}u; i += SIZE) {
      ${tile}[i] = ${factor}At(term + i / ${width}u, ${first} + 4u * (i % ${width}u), last);
    }`;
  }
  const deep = p.piece / 4;
  return `
    for (var i = lane; i < ${deep * width}u; i += SIZE) {
      let outer = ${first} + 4u * (i / ${deep}u);
      let inner = term + 4u * (i % ${deep}u);
      let m = transpose(mat4x4f(
        ${factor}At(outer, inner, ${size}), ${factor}At(outer + 1u, inner, ${size}),
        ${factor}At(outer + 2u, inner, ${size}), ${factor}At(outer + 3u, inner, ${size})));
      let to = 4u * (i % ${deep}u) * ${width}u + i / ${deep}u;
      ${tile}[to] = m[0];
      ${tile}[to + ${width}u] = m[1];
      ${tile}[to + ${2 * width}u] = m[2];
      ${tile}[to + ${3 * width}u] = m[3];
    }`;
}

const range = (count: number) => Array.from({length: count}, (_, i) => i);

/** What becomes of four sums of a row before they are stored. */
function finish(p: ProductParameters): string {
  const store = (name: string, value: string) =>
    p.vectorC
      ? `${name}[at / 4u] = ${stored(value, p.halfC)};`
      : `${name}[at] = ${value}.x;
          if (left > 1u) { ${name}[at + 1u] = ${value}.y; }
          if (left > 2u) { ${name}[at + 2u] = ${value}.z; }
          if (left > 3u) { ${name}[at + 3u] = ${value}.w; }`;
  const loaded = (name: string, at: string, vector: boolean, half = false) =>
    vector
      ? vectorAt(name, `${at} / 4u`, half)
      : `vec4f(${name}[${at}], ${[1, 2, 3].map((i) => `${name}[${at} + min(${i}u, left - 1u)]`).join(', ')})`;
  return `
          let left = u.n - column;
          let at = offset + row * u.n + column;
          ${p.bias ? `v += ${loaded('bias', 'column', false)};` : ''}
          ${p.z ? store('z', 'v') : ''}
          ${p.gelu ? 'v = gelu(v);' : ''}
          ${p.slope ? `v *= geluDerivative(${loaded('slope', 'at', p.vectorC, p.halfSlope)});` : ''}
          ${p.scale ? 'v *= scale[row / u.scaleRows];' : ''}
          ${p.addend ? `v += ${loaded('addend', 'at', p.vectorC)};` : ''}
          ${store('c', 'v')}`;
}

function body(p: ProductParameters): string {
  const across = p.tileColumns / p.columns;
  const down = p.tileRows / p.rows;
  const rowVectors = range(p.rows / 4);
  const columnVectors = range(p.columns / 4);
  const sums = range(p.rows).flatMap((r) => columnVectors.map((c) => `sum${r}_${c}`));
  const products = rowVectors.flatMap((i) =>
    range(4).flatMap((r) =>
      columnVectors.map(
        (c) => `sum${4 * i + r}_${c} = fma(vec4f(x${i}[${r}]), y${c}, sum${4 * i + r}_${c});`,
      ),
    ),
  );
  const results = range(p.rows).flatMap((r) =>
    columnVectors.map(
      (c) => `
      {
        let row = firstRow + 4u * (${Math.floor(r / 4) * down}u + laneRow) + ${r % 4}u;
        let column = firstColumn + 4u * (${c * across}u + laneColumn);
        if (row < u.m && column < u.n) {
          var v = sum${r}_${c};
          ${finish(p)}
        }
      }`,
    ),
  );
  return `
  let part = group / (u.tilesDown * u.tilesAcross);
  let tile = group % (u.tilesDown * u.tilesAcross);
  let firstRow = (tile / u.tilesAcross) * ${p.tileRows}u;
  let firstColumn = (tile % u.tilesAcross) * ${p.tileColumns}u;
  let laneRow = lane / ${across}u;
  let laneColumn = lane % ${across}u;
  let offset = u.base + part * u.partStride;
  let last = min(u.k, (part + 1u) * u.partLength);
  ${normsRows(p) ? rowNorms(p) : ''}
  ${sums.map((sum) => `var ${sum} = vec4f();`).join(' ')}
  for (var term = part * u.partLength; term < last; term += ${p.piece}u) {
    ${load('a', p)}
    ${load('b', p)}
    workgroupBarrier();
    for (var k = 0u; k < ${p.piece}u; k++) {
      ${rowVectors.map((i) => `let x${i} = tileA[k * ${p.tileRows / 4}u + ${i * down}u + laneRow];`).join(' ')}
      ${columnVectors.map((c) => `let y${c} = tileB[k * ${p.tileColumns / 4}u + ${c * across}u + laneColumn];`).join(' ')}
      ${products.join('\n      ')}
    }
    workgroupBarrier();
  }
  ${results.join('')}`;
}

/**
 * See the head of this file. Uniforms: u.partLength, the terms of a part, is a multiple of the piece; u.widthA, the
 * numbers of a row of A where it lies in columns: u.m, or one less with `ones`.
 */
export const productShader: Shader<ProductParameters> = {
  name: 'product',
  size: threads,
  uniforms: {
    m: 'u32',
    n: 'u32',
    k: 'u32',
    widthA: 'u32',
    tilesDown: 'u32',
    tilesAcross: 'u32',
    partLength: 'u32',
    base: 'u32',
    partStride: 'u32',
    scaleRows: 'u32',
    epsilon: 'f32',
  },
  bindings,
  declarations,
  body,
};
