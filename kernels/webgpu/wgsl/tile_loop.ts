/**
 * WGSL of the loop that all products of matrices share: one tile of C, and of the sum the terms from `begin` to `last`.
 *
 *   C[row, column] = sum over k of A[row, k] B[k, column]
 *
 * A workgroup computes a tile, an invocation 4 x 4 or more of it in registers. Pieces of A and B pass through workgroup
 * memory as vectors along the tile, [K piece][tile / 4].
 *
 * Where the factors come from is the shader's: it declares the functions
 *
 *   aAt(outer, inner, outerEnd), bAt(outer, inner, outerEnd) -> vec4f
 *
 * that give four numbers of a factor along `inner`, and zeros where `outer` is not below `outerEnd` or `inner` past the
 * end. For a factor that lies along the tile (A in 'columns', B in 'rows') inner counts along the tile and outer the
 * terms of the sum; for one that lies along the sum it is the other way round. The first number of a tile is a multiple
 * of its size, the first term of a piece one of the piece.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication"; Volkov & Demmel 2008,
 * "Benchmarking GPUs to Tune Dense Linear Algebra", for registers as the innermost store.
 */

/** A tile and how it is cut; all multiples of 4. */
export type Tile = {
  tileRows: number;
  tileColumns: number;
  /** Terms of the sum that pass through workgroup memory at a time. */
  piece: number;
  /** Rows and columns of an invocation, or of a subgroup in matrix_loop.ts. */
  rows: number;
  columns: number;
};

/** What changes the text. */
export type TileParameters = Tile & {
  /** How a factor lies: each row of the product's sum next to each other ('rows' for A, 'columns' for B), or across. */
  layoutA: 'rows' | 'columns';
  layoutB: 'rows' | 'columns';
};

/** Invocations of a workgroup. */
export const invocations = ({tileRows, tileColumns, rows, columns}: Tile) =>
  (tileRows / rows) * (tileColumns / columns);

/** The declarations of the workgroup memory that the loop takes. */
export const tileMemory = ({piece, tileRows, tileColumns}: Tile) => `
var<workgroup> tileA: array<vec4f, ${(piece * tileRows) / 4}>;
var<workgroup> tileB: array<vec4f, ${(piece * tileColumns) / 4}>;`;

/** The uniforms that `tilePlace` takes. */
export const tileUniforms = {tilesDown: 'u32', tilesAcross: 'u32'} as const;

/** Sets `part`, which part of the sums, or of the results, a workgroup has, and the first row and column of its tile. */
export const tilePlace = ({tileRows, tileColumns}: Tile) => `
  let part = group / (u.tilesDown * u.tilesAcross);
  let tile = group % (u.tilesDown * u.tilesAcross);
  let firstRow = (tile / u.tilesAcross) * ${tileRows}u;
  let firstColumn = (tile % u.tilesAcross) * ${tileColumns}u;`;

/**
 * Copies a piece of a factor into workgroup memory. A factor that lies along the tile goes as it is; one that lies along
 * the sum goes in squares of 4 x 4, turned in registers.
 */
function loadPiece(factor: 'a' | 'b', p: TileParameters): string {
  const along = factor === 'a' ? p.layoutA === 'columns' : p.layoutB === 'rows';
  const tile = factor === 'a' ? 'tileA' : 'tileB';
  const width = (factor === 'a' ? p.tileRows : p.tileColumns) / 4;
  const first = factor === 'a' ? 'firstRow' : 'firstColumn';
  const size = factor === 'a' ? 'm' : 'n';
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
      let square = transpose(mat4x4f(
        ${factor}At(outer, inner, ${size}), ${factor}At(outer + 1u, inner, ${size}),
        ${factor}At(outer + 2u, inner, ${size}), ${factor}At(outer + 3u, inner, ${size})));
      let to = 4u * (i % ${deep}u) * ${width}u + i / ${deep}u;
      ${tile}[to] = square[0];
      ${tile}[to + ${width}u] = square[1];
      ${tile}[to + ${2 * width}u] = square[2];
      ${tile}[to + ${3 * width}u] = square[3];
    }`;
}

const range = (count: number) => Array.from({length: count}, (_, i) => i);

/**
 * The loop. It takes `m` and `n`, the rows and columns of C, `begin` and `last`, `firstRow` and `firstColumn`.
 *
 * @param finish what becomes of four sums `v` of `row` from `column` on.
 * @param ahead what is to be in workgroup memory before the piece from a term on can be read; done while the piece before
 *   it is multiplied.
 */
export function tileLoop(p: TileParameters, finish: string, ahead?: (term: string) => string): string {
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
        if (row < m && column < n) {
          var v = sum${r}_${c};
          ${finish}
        }
      }`,
    ),
  );
  return `
  let laneRow = lane / ${across}u;
  let laneColumn = lane % ${across}u;
  ${sums.map((sum) => `var ${sum} = vec4f();`).join(' ')}
  ${ahead ? `${ahead('begin')}\n  workgroupBarrier();` : ''}
  for (var term = begin; term < last; term += ${p.piece}u) {
    ${loadPiece('a', p)}
    ${loadPiece('b', p)}
    workgroupBarrier();
    ${ahead ? ahead(`(term + ${p.piece}u)`) : ''}
    for (var k = 0u; k < ${p.piece}u; k++) {
      ${rowVectors.map((i) => `let x${i} = tileA[k * ${p.tileRows / 4}u + ${i * down}u + laneRow];`).join(' ')}
      ${columnVectors.map((c) => `let y${c} = tileB[k * ${p.tileColumns / 4}u + ${c * across}u + laneColumn];`).join(' ')}
      ${products.join('\n      ')}
    }
    workgroupBarrier();
  }
  ${results.join('')}`;
}
