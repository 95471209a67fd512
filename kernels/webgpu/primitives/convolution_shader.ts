/**
 * The shader of conv2d and its gradients as products of matrices, one factor of which is made of patches of a map. The patches are
 * arithmetic on indices as that factor is read: nothing is expanded in memory.
 *
 *   P(x) [B OH OW, KH KW C]: row (b, p, q), column (i, j, c) is x[b, p sh + i dh - top, q sw + j dw - left, c], else 0
 *
 *   'value'    y [B, OH, OW, Cout] = f(P(x) W + bias)          x [B, H, W, Cin], W [KH, KW, Cin, Cout], bias [Cout]
 *   'filter'   dW = P(x)^T dy                                  dy [B, OH, OW, Cout]
 *   'input'    dx[b, h, w] = sum of dy[b, p, q] W[i, j]^T over all p sh + i - top = h, q sw + j - left = w
 *
 * f is identity, ReLU or ReLU6; gradients have no dilation, as tfjs has none.
 *
 * The sum of 'input' takes cells of dx in phases: those with (h + top) mod sh = e and (w + left) mod sw = f see the taps
 * i = e, e + sh, ... and j = f, f + sw, ... only, in neighbouring cells of dy. So a phase is P(dy) with stride 1 and step
 * -1 times that part of W, and no term is computed that is 0 for the stride's sake. All phases are one dispatch.
 *
 * The half of an index that stays the same through a tile's sum (of patches in 'value' and 'input', of taps in
 * 'filter') is taken apart once, the other half once for a piece of the sum: divisions are what costs here.
 *
 * Source: Chellapilla et al. 2006, "High Performance Convolutional Neural Networks for Document Processing", for the
 * product; Chetlur et al. 2014, "cuDNN", for never forming its factor.
 */

import {type Binding, readBuffer, type Shader, writeBuffer} from '../runtime/shader.js';
import {factorReader, loadClamped, storeClipped} from '../wgsl/matrix_access.js';
import {elementType, type RowStorage} from '../wgsl/row_storage.js';
import {invocations, type Tile, tileLoop, tileMemory, tilePlace, tileUniforms} from '../wgsl/tile_loop.js';

/** What changes the text. */
export type ConvolutionParameters = Tile & {
  result: 'value' | 'filter' | 'input';
  /** How the channels of the patches, the rows of the other factor and those of the result lie in memory, in float32. */
  storageA: RowStorage;
  storageB: RowStorage;
  storageC: RowStorage;
  bias: boolean;
  activation?: 'relu' | 'relu6';
};

/** How the factors lie; see tile_loop. */
const LAYOUTS = {
  value: {layoutA: 'rows', layoutB: 'rows'},
  filter: {layoutA: 'columns', layoutB: 'rows'},
  input: {layoutA: 'rows', layoutB: 'columns'},
} as const;

const bindings = ({storageA, storageB, storageC, bias}: ConvolutionParameters): Binding[] => [
  writeBuffer('c', elementType(storageC)),
  readBuffer('a', elementType(storageA)),
  readBuffer('b', elementType(storageB)),
  ...(bias ? [readBuffer('bias')] : []),
];

const PATCHES = `
/** One of the two axes of patches: how many there are, their taps, where they lie in the map, and the phase. */
struct Axis {
  cells: i32,
  taps: i32,
  size: i32,
  stride: i32,
  step: i32,
  offset: i32,
  phase: i32,
  /** The cell of dx that is the first of the phase. */
  first: i32,
}
var<private> down: Axis;
var<private> across: Axis;

fn phaseOf(phase: i32, stride: i32, padding: i32, taps: i32, cells: i32, size: i32) -> Axis {
  let first = (phase + stride - padding % stride) % stride;
  let mine = (cells - first + stride - 1) / stride;
  let offset = (first + padding - phase) / stride;
  return Axis(mine, (taps - phase + stride - 1) / stride, size, 1, -1, offset, phase, first);
}

/** So far from any map that no tap of a patch there, and no patch by such a tap, meets it. */
const NOWHERE = -0x40000000;

/** Number \`cell\` of all patches: the first cell of its map, and where the patch begins in it. */
fn cornerOf(cell: u32) -> vec3i {
  let number = i32(cell);
  let perMap = down.cells * across.cells;
  let map = number / perMap;
  if (map >= u.maps) { return vec3i(0, NOWHERE, NOWHERE); }
  let place = number % perMap;
  return vec3i(map * down.size * across.size,
    (place / across.cells) * down.stride + down.offset, (place % across.cells) * across.stride + across.offset);
}

/** Column \`number\` of the patches: the tap's row and column, and the channel. */
fn tapOf(number: u32) -> vec3i {
  let tap = i32(number) / u.channels;
  let row = tap / across.taps;
  if (row >= down.taps) { return vec3i(NOWHERE, NOWHERE, 0); }
  return vec3i(row * down.step, (tap % across.taps) * across.step, i32(number) % u.channels);
}

/** Where in a a number of the patches lies; negative where it is 0. */
fn placeOf(corner: vec3i, tap: vec3i) -> i32 {
  let row = corner.y + tap.x;
  let column = corner.z + tap.y;
  if (row < 0 || row >= down.size || column < 0 || column >= across.size) { return -1; }
  return (corner.x + row * across.size + column) * u.channels + tap.z;
}`;

/**
 * Reads four numbers of the patches. What an index has been taken apart into lies where the index is in its tile or
 * piece; past the last one that is nowhere, which reads as zeros.
 */
function patchReader({storageA, tileRows, piece, result}: ConvolutionParameters): string {
  const [cells, numbers] = result === 'filter' ? [piece, tileRows] : [tileRows, piece];
  const [cell, number] = [`corners[outer % ${cells}u]`, (i: string) => `taps[(inner + ${i}) % ${numbers}u]`];
  return `
var<workgroup> corners: array<vec3i, ${cells}>;
var<workgroup> taps: array<vec3i, ${numbers}>;
fn aAt(outer: u32, inner: u32, _outerEnd: u32) -> vec4f {
  let corner = ${cell};
  ${
    storageA === 'vectors'
      ? `let at = placeOf(corner, ${number('0u')});
  if (at < 0) { return vec4f(); }
  return a[at / 4];`
      : `var v = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let at = placeOf(corner, ${number('i')});
    if (at >= 0) { v[i] = a[at]; }
  }
  return v;`
  }
}`;
}

/** Reads four numbers of the part of W that a phase takes, along the channels of dy. */
function filterReader({storageB, piece}: ConvolutionParameters): string {
  return `
var<workgroup> starts: array<i32, ${piece}>;
/** Where the numbers of W for number \`number\` of the taps begin, its first channel of dx; negative past the end. */
fn startOf(number: u32) -> i32 {
  let tap = i32(number) / u.channels;
  let row = tap / across.taps;
  if (row >= down.taps) { return -1; }
  let i = down.phase + row * u.strideRows;
  let j = across.phase + (tap % across.taps) * u.strideColumns;
  return (i * u.tapColumns + j) * i32(u.n) * u.channels + i32(number) % u.channels;
}
fn bAt(outer: u32, inner: u32, outerEnd: u32) -> vec4f {
  if (outer >= outerEnd) { return vec4f(); }
  let row = i32(outer) * u.channels;
  ${
    storageB === 'vectors'
      ? `let start = starts[inner % ${piece}u];
  if (start < 0) { return vec4f(); }
  return b[(start + row) / 4];`
      : `var v = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let start = starts[(inner + i) % ${piece}u];
    if (start >= 0) { v[i] = b[start + row]; }
  }
  return v;`
  }
}`;
}

const declarations = (p: ConvolutionParameters) => `${tileMemory(p)}
${PATCHES}
${patchReader(p)}
${p.result === 'input' ? filterReader(p) : factorReader('b', p.storageB, 'u.n')}`;

/** Where the numbers of a row of the result begin. */
function rowStart({result}: ConvolutionParameters): string {
  if (result === 'value') return 'row * n';
  if (result === 'filter') return '(part * m + row) * n';
  return `u32((i32(row) / perMap * u.cellRows + rows.first + i32(row) % perMap / columns.cells * u.strideRows) *
            u.cellColumns + columns.first + i32(row) % columns.cells * u.strideColumns) * n`;
}

function body(p: ConvolutionParameters): string {
  const {result, tileRows, piece, bias, activation} = p;
  const axes =
    result === 'input'
      ? `
  let phase = i32(part);
  let rows = phaseOf(phase / u.strideColumns, u.strideRows, u.top, u.tapRows, u.cellRows, u.height);
  let columns = phaseOf(phase % u.strideColumns, u.strideColumns, u.left, u.tapColumns, u.cellColumns, u.width);`
      : `
  let rows = Axis(u.cellRows, u.tapRows, u.height, u.strideRows, u.stepRows, -u.top, 0, 0);
  let columns = Axis(u.cellColumns, u.tapColumns, u.width, u.strideColumns, u.stepColumns, -u.left, 0, 0);`;
  const fixed = (name: string, of: string) =>
    `for (var i = lane; i < ${tileRows}u; i += SIZE) { ${name}[i] = ${of}(firstRow + i); }`;
  const moving = (term: string) => {
    if (result === 'filter') return `if (lane < ${piece}u) { corners[lane] = cornerOf(${term} + lane); }`;
    const start = result === 'input' ? ` starts[lane] = startOf(${term} + lane);` : '';
    return `if (lane < ${piece}u) { taps[lane] = tapOf(${term} + lane);${start} }`;
  };
  const finish = `
          let left = n - column;
          let at = ${rowStart(p)} + column;
          ${bias ? `v += ${loadClamped('bias', 'numbers', 'column')};` : ''}
          ${activation ? 'v = select(v, vec4f(), v < vec4f());' : ''}
          ${activation === 'relu6' ? 'v = select(v, vec4f(6.0), v > vec4f(6.0));' : ''}
          ${storeClipped('c', p.storageC, 'at', 'v')}`;
  return `${tilePlace(p)}${axes}
  down = rows;
  across = columns;
  let perMap = rows.cells * columns.cells;
  let patches = u32(u.maps * perMap);
  let numbers = u32(rows.taps * columns.taps * u.channels);
  let m = ${result === 'filter' ? 'numbers' : 'patches'};
  let n = u.n;
  let begin = ${result === 'filter' ? 'part * u.partLength' : '0u'};
  let last = ${result === 'filter' ? 'min(patches, begin + u.partLength)' : 'numbers'};
  ${result === 'filter' ? fixed('taps', 'tapOf') : fixed('corners', 'cornerOf')}
  ${tileLoop({...p, ...LAYOUTS[result]}, finish, moving)}`;
}

/**
 * See the head of this file. Uniforms: the map that patches are taken from (`maps` images of height x width x channels)
 * and the convolution; u.cellRows, u.cellColumns the cells of y or, of 'input', of dx; u.n the channels of the result;
 * u.partLength, of 'filter', the patches of a part of the sum.
 */
export const convolutionShader: Shader<ConvolutionParameters> = {
  name: 'convolution',
  size: invocations,
  uniforms: {
    n: 'u32',
    ...tileUniforms,
    partLength: 'u32',
    maps: 'i32',
    height: 'i32',
    width: 'i32',
    channels: 'i32',
    cellRows: 'i32',
    cellColumns: 'i32',
    tapRows: 'i32',
    tapColumns: 'i32',
    strideRows: 'i32',
    strideColumns: 'i32',
    stepRows: 'i32',
    stepColumns: 'i32',
    top: 'i32',
    left: 'i32',
  },
  bindings,
  declarations,
  body,
};
