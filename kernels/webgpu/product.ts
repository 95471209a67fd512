/**
 * Products of matrices, with what stands before and after them in a network.
 *
 *   C[M, N] = s[row] * f(A B + bias) * d(slope) + addend
 *
 *   A      [M, K] or, `a: 'columns'`, [K, M];   B [K, N] or, `b: 'columns'`, [N, K]
 *   f      identity or exact GELU; z [M, N] keeps A B + bias
 *   bias   [N];   s one factor per u.scaleRows rows;   slope [M, N], d the derivative of GELU;   addend [M, N]
 *
 * Everything but A, B and C may be left out.
 *
 * A workgroup computes a tile of C, an invocation 4 x 4 or more of it in registers. Pieces of A and B pass through
 * workgroup memory as vectors along the tile, [K piece][tile / 4]. For sums that are long beside the result (weight
 * gradients) the sum is cut into parts, each part a matrix of its own at C + part M N, to be added up by sum_parts.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication"; Volkov & Demmel 2008,
 * "Benchmarking GPUs to Tune Dense Linear Algebra", for registers as the innermost store.
 */
import {GELU} from './gelu.js';
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
  const matrix = (name: string, vector: boolean, access: 'in' | 'out' = 'in'): Binding => ({
    name,
    type: vector ? 'vec4f' : 'f32',
    access,
  });
  return [
    matrix('c', p.vectorC, 'out'),
    ...(p.z ? [matrix('z', p.vectorC, 'out')] : []),
    matrix('a', p.vectorA),
    matrix('b', p.vectorB),
    ...(p.bias ? [matrix('bias', false)] : []),
    ...(p.scale ? [matrix('scale', false)] : []),
    ...(p.slope ? [matrix('slope', p.vectorC)] : []),
    ...(p.addend ? [matrix('addend', p.vectorC)] : []),
  ];
}

/**
 * Functions that read four numbers of a factor: `inner` counts along its rows in memory, `outer` across them; zeros
 * outside of it.
 */
function reader(name: 'a' | 'b', vector: boolean, inner: string): string {
  const read = vector
    ? `return ${name}[(outer * ${inner} + inner) / 4u];`
    : `let at = outer * ${inner} + inner;
  let left = ${inner} - inner;
  var v = vec4f(${name}[at], 0.0, 0.0, 0.0);
  if (left > 1u) { v.y = ${name}[at + 1u]; }
  if (left > 2u) { v.z = ${name}[at + 2u]; }
  if (left > 3u) { v.w = ${name}[at + 3u]; }
  return v;`;
  return `
fn ${name}At(outer: u32, inner: u32, outerEnd: u32, innerEnd: u32) -> vec4f {
  if (outer >= outerEnd || inner >= innerEnd) { return vec4f(); }
  ${read}
}`;
}

function declarations(p: ProductParameters): string {
  const read = `${reader('a', p.vectorA, p.a === 'rows' ? 'u.k' : 'u.m')}
${reader('b', p.vectorB, p.b === 'rows' ? 'u.n' : 'u.k')}`;
  return `
var<workgroup> tileA: array<vec4f, ${(p.piece * p.tileRows) / 4}>;
var<workgroup> tileB: array<vec4f, ${(p.piece * p.tileColumns) / 4}>;
${read}
${p.gelu || p.slope ? GELU : ''}`;
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
      ${tile}[i] = ${factor}At(term + i / ${width}u, ${first} + 4u * (i % ${width}u), last, ${size});
    }`;
  }
  const deep = p.piece / 4;
  return `
    for (var i = lane; i < ${deep * width}u; i += SIZE) {
      let outer = ${first} + 4u * (i / ${deep}u);
      let inner = term + 4u * (i % ${deep}u);
      let m = transpose(mat4x4f(
        ${factor}At(outer, inner, ${size}, last), ${factor}At(outer + 1u, inner, ${size}, last),
        ${factor}At(outer + 2u, inner, ${size}, last), ${factor}At(outer + 3u, inner, ${size}, last)));
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
  const stored = (name: string, value: string) =>
    p.vectorC
      ? `${name}[at / 4u] = ${value};`
      : `${name}[at] = ${value}.x;
          if (left > 1u) { ${name}[at + 1u] = ${value}.y; }
          if (left > 2u) { ${name}[at + 2u] = ${value}.z; }
          if (left > 3u) { ${name}[at + 3u] = ${value}.w; }`;
  const loaded = (name: string, at: string, vector: boolean) =>
    vector
      ? `${name}[${at} / 4u]`
      : `vec4f(${name}[${at}], ${[1, 2, 3].map((i) => `${name}[${at} + min(${i}u, left - 1u)]`).join(', ')})`;
  return `
          let left = u.n - column;
          let at = offset + row * u.n + column;
          ${p.bias ? `v += ${loaded('bias', 'column', false)};` : ''}
          ${p.z ? stored('z', 'v') : ''}
          ${p.gelu ? 'v = gelu(v);' : ''}
          ${p.slope ? `v *= geluDerivative(${loaded('slope', 'at', p.vectorC)});` : ''}
          ${p.scale ? 'v *= scale[row / u.scaleRows];' : ''}
          ${p.addend ? `v += ${loaded('addend', 'at', p.vectorC)};` : ''}
          ${stored('c', 'v')}`;
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
  let offset = part * u.m * u.n;
  let last = min(u.k, (part + 1u) * u.partLength);
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

/** See the head of this file. Uniforms: u.partLength, the terms of a part, is a multiple of 4. */
export const productShader: Shader<ProductParameters> = {
  name: 'product',
  size: threads,
  uniforms: {
    m: 'u32',
    n: 'u32',
    k: 'u32',
    tilesDown: 'u32',
    tilesAcross: 'u32',
    partLength: 'u32',
    scaleRows: 'u32',
  },
  bindings,
  declarations,
  body,
};
