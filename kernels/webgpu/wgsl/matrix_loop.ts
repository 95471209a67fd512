/**
 * Products of matrices by the units that GPUs have for small ones (tensor cores, XMX, matrix cores): WGSL's subgroup
 * matrices, of 16-bit floats with float32 sums. A subgroup holds a matrix together and multiplies
 *
 *   result [M, N] += left [M, K] right [K, N]
 *
 * in one step. Which M, N and K there are is the device's; they are experimental in WebGPU, and taken only for what is
 * kept as 16-bit floats anyway (precision 'f16').
 *
 * The loop is tile_loop.ts's with other registers: pieces of A and B pass through workgroup memory the way they lie, and
 * a subgroup has `rows` x `columns` of the tile in matrices. Each result goes through workgroup memory once more, for
 * `finish` to take four numbers of a row.
 *
 * Source: Markidis et al. 2018, "NVIDIA Tensor Core Programmability, Performance & Precision"; the Vulkan extension
 * VK_KHR_cooperative_matrix.
 */
import type {TileParameters} from './tile_loop.js';

/** The matrices of a device: result [matrixRows, matrixColumns], sums of matrixTerms, subgroups of so many lanes. */
export type MatrixUnits = {
  matrixRows: number;
  matrixColumns: number;
  matrixTerms: number;
  matrixLanes: number;
};

/** Rows and columns of a tile that a subgroup has: 32 sums for each of its lanes. */
export function subgroupShare({matrixLanes}: MatrixUnits): {rows: number; columns: number} {
  const rows = matrixLanes < 32 ? 16 : 32;
  return {rows, columns: (32 * matrixLanes) / rows};
}

/** Terms of a piece of the sum. */
export const MATRIX_PIECE = 32;

/** The extensions of WGSL that the loop needs. */
export const MATRIX_EXTENSIONS = ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'];

/** The number of an invocation's subgroup, and of the invocation in it. */
export const MATRIX_BUILTINS = [
  '@builtin(subgroup_id) subgroup: u32',
  '@builtin(subgroup_invocation_id) subgroupLane: u32',
];

type MatrixLoopParameters = TileParameters & MatrixUnits;

/** Whether a shader's loop is the one of this file. */
export const onMatrices = (p: TileParameters & Partial<MatrixUnits>): p is MatrixLoopParameters =>
  p.matrixLanes !== undefined;

/** How a factor lies in workgroup memory: lines of so many numbers, and the numbers from a line to the next. */
function factorLines(factor: 'a' | 'b', p: MatrixLoopParameters) {
  const tile = factor === 'a' ? p.tileRows : p.tileColumns;
  const along = factor === 'a' ? p.layoutA === 'columns' : p.layoutB === 'rows';
  const [count, length] = along ? [p.piece, tile] : [tile, p.piece];
  // Lines that follow each other closely would meet in the same banks of memory.
  return {along, count, length, stride: length + 8};
}

/** How many numbers of the factors and of the results are in workgroup memory. */
function memoryCounts(p: MatrixLoopParameters) {
  const [a, b] = [factorLines('a', p), factorLines('b', p)];
  const subgroups = (p.tileRows / p.rows) * (p.tileColumns / p.columns);
  return {
    ...{a: a.count * a.stride, b: b.count * b.stride},
    results: subgroups * p.matrixRows * p.matrixColumns,
  };
}

/** The workgroup memory that the loop takes. */
export function matrixMemoryBytes(p: MatrixLoopParameters): number {
  const {a, b, results} = memoryCounts(p);
  return 2 * (a + b) + 4 * results;
}

/** Its declarations. */
export function matrixMemory(p: MatrixLoopParameters): string {
  const {a, b, results} = memoryCounts(p);
  return `
var<workgroup> tileA: array<f16, ${a}>;
var<workgroup> tileB: array<f16, ${b}>;
var<workgroup> results: array<f32, ${results}>;`;
}

/** Copies a piece of a factor into workgroup memory, as it lies, its numbers rounded to 16 bits. */
function loadPiece(factor: 'a' | 'b', p: MatrixLoopParameters): string {
  const {along, count, length, stride} = factorLines(factor, p);
  const tile = factor === 'a' ? 'tileA' : 'tileB';
  const first = factor === 'a' ? 'firstRow' : 'firstColumn';
  const [outer, inner, end] = along ? ['term', first, 'last'] : [first, 'term', factor === 'a' ? 'm' : 'n'];
  return `
    for (var i = lane; i < ${(count * length) / 4}u; i += SIZE) {
      let line = i / ${length / 4}u;
      let number = 4u * (i % ${length / 4}u);
      let v = vec4<f16>(${factor}At(${outer} + line, ${inner} + number, ${end}));
      let to = line * ${stride}u + number;
      ${[0, 1, 2, 3].map((k) => `${tile}[to + ${k}u] = v[${k}];`).join(' ')}
    }`;
}

/** Expression: the matrix of a factor at `place` of the tile and `term` of the piece. */
function loadMatrix(factor: 'a' | 'b', p: MatrixLoopParameters, place: string, term: number): string {
  const {along, stride} = factorLines(factor, p);
  const at = along ? `${term * stride}u + ${place}` : `(${place}) * ${stride}u + ${term}u`;
  const [type, order] =
    factor === 'a'
      ? [`subgroup_matrix_left<f16, ${p.matrixTerms}, ${p.matrixRows}>`, along ? 'col_major' : 'row_major']
      : [
          `subgroup_matrix_right<f16, ${p.matrixColumns}, ${p.matrixTerms}>`,
          along ? 'row_major' : 'col_major',
        ];
  return `subgroupMatrixLoad<${type}, ${order}>(&tile${factor === 'a' ? 'A' : 'B'}, ${at}, ${stride}u)`;
}

const range = (count: number) => Array.from({length: count}, (_, i) => i);

/**
 * The loop. It takes `m` and `n`, the rows and columns of C, `begin` and `last`, `firstRow` and
 * `firstColumn`.
 *
 * @param finish what becomes of four sums `v` of `row` from `column` on.
 */
export function matrixLoop(p: MatrixLoopParameters, finish: string): string {
  const {matrixRows, matrixColumns, matrixTerms, matrixLanes} = p;
  const down = range(p.rows / matrixRows);
  const across = range(p.columns / matrixColumns);
  const pairs = down.flatMap((i) => across.map((j) => [i, j]));
  const multiply = range(p.piece / matrixTerms).map(
    (step) => `
    {
      ${down.map((i) => `let left${i} = ${loadMatrix('a', p, `myRow + ${i * matrixRows}u`, step * matrixTerms)};`).join('\n      ')}
      ${across.map((j) => `let right${j} = ${loadMatrix('b', p, `myColumn + ${j * matrixColumns}u`, step * matrixTerms)};`).join('\n      ')}
      ${pairs.map(([i, j]) => `sum${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, sum${i}_${j});`).join('\n      ')}
    }`,
  );
  const results = pairs.map(
    ([i, j]) => `
  subgroupMatrixStore<row_major>(&results, mine, sum${i}_${j}, ${matrixColumns}u);
  workgroupBarrier();
  for (var i = 4u * subgroupLane; i < ${matrixRows * matrixColumns}u; i += ${4 * matrixLanes}u) {
    let row = firstRow + myRow + ${i * matrixRows}u + i / ${matrixColumns}u;
    let column = firstColumn + myColumn + ${j * matrixColumns}u + i % ${matrixColumns}u;
    if (row < m && column < n) {
      let at0 = mine + i;
      var v = vec4f(results[at0], results[at0 + 1u], results[at0 + 2u], results[at0 + 3u]);
      ${finish}
    }
  }
  workgroupBarrier();`,
  );
  return `
  let mine = subgroup * ${matrixRows * matrixColumns}u;
  let myRow = (subgroup / ${p.tileColumns / p.columns}u) * ${p.rows}u;
  let myColumn = (subgroup % ${p.tileColumns / p.columns}u) * ${p.columns}u;
  ${pairs.map(([i, j]) => `var sum${i}_${j}: subgroup_matrix_result<f32, ${matrixColumns}, ${matrixRows}>;`).join('\n  ')}
  for (var term = begin; term < last; term += ${p.piece}u) {
    ${loadPiece('a', p)}
    ${loadPiece('b', p)}
    workgroupBarrier();
    ${multiply.join('')}
    workgroupBarrier();
  }
  ${results.join('')}`;
}
