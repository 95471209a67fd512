/**
 * What the shaders of window attention and of its gradient share: where the tokens of a window lie, how they are read,
 * and the score of a query and a key.
 *
 *   qkv [B, H, W, 3C], the last axis [q | k | v], each [heads][d];  N tokens in a window
 *
 * A pair is a window and a head; `lanes` invocations work on one, `size / lanes` pairs share a workgroup. Padding, shift,
 * partition and mask are arithmetic on indices, the same as in geometry/windows.ts.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {
  MAX_LOGIT_SCALE,
  MIN_NORM,
  PADDING_MASK,
  REGION_MASK,
  type WindowAttentionAttrs,
} from '../../contracts/window_attention.js';
import {windowGeometry} from '../../geometry/windows.js';
import {HALF, packed, vectorAt} from './f16_storage.js';

/** What changes the text. */
export type AttentionParameters = {
  /** Numbers of a head, d. */
  headSize: number;
  /** Whether 3C, C and d are whole vectors. */
  vector: boolean;
  /** Whether qkv, and in the forward pass the result, are 16-bit floats. */
  half?: boolean;
  size: number;
  lanes: number;
  /** Tokens of a window that are in workgroup memory at a time. */
  block: number;
  cosine?: boolean;
  /** Whether some key is hidden from some query. */
  hidden?: boolean;
  /** Whether cells that padding added carry padToken; else zeros. */
  padToken?: boolean;
  dropout?: boolean;
  /** Gradient only: tokens of a window at most, for statistics in workgroup memory. */
  tokens?: number;
  /** Gradient only: whether that of padToken is wanted. */
  padGradient?: boolean;
};

export const attentionUniforms = {
  pairs: 'u32',
  heads: 'u32',
  tokens: 'u32',
  height: 'u32',
  width: 'u32',
  windowRows: 'u32',
  windowColumns: 'u32',
  shiftRows: 'u32',
  shiftColumns: 'u32',
  countRows: 'u32',
  countColumns: 'u32',
  /** Bias of query i and key j: row `origin` + at(i) - at(j) of the table, at(t) = (t / columns) across + t % columns. */
  across: 'u32',
  origin: 'u32',
  masked: 'u32',
  scale: 'f32',
  dropRate: 'f32',
  seed: 'u32',
} as const;

/** Vectors of a head. */
const vectorsOf = ({headSize}: AttentionParameters) => Math.ceil(headSize / 4);

/** Workgroup memory that every device has, bytes. */
const WORKGROUP_MEMORY = 16_384;

/** How the work is cut, from the window and the head; `statistics`: bytes that the shader keeps for a token. */
export function attentionPlan(
  backend: WebGPUBackend,
  tokens: number,
  headSize: number,
  statistics: number,
): Pick<AttentionParameters, 'size' | 'lanes' | 'block'> {
  const {device} = backend as unknown as {device: GPUDevice};
  const memory = Math.max(WORKGROUP_MEMORY, device.limits.maxComputeWorkgroupStorageSize);
  const lanes = tokens <= 16 ? 16 : tokens <= 32 ? 32 : Math.min(256, 64 * Math.ceil(tokens / 64));
  const size = Math.max(64, lanes);
  const pairs = size / lanes;
  // Two vectors of a head and eight bytes about a token.
  const perToken = 32 * Math.ceil(headSize / 4) + 8;
  const block = Math.floor((memory / pairs - statistics * tokens - 64) / perToken);
  return {size, lanes, block: Math.max(1, Math.min(tokens, block))};
}

/** The uniforms that both shaders have, from the shape of qkv; and whether keys can be hidden. */
export function attentionSizes([batch, height, width, last]: number[], attrs: WindowAttentionAttrs) {
  const {numHeads, padding, scale, dropout} = attrs;
  const geometry = windowGeometry([height, width], attrs.windowSize, attrs.shift, padding);
  const {window, windowSize, shift, count, tokens, padded} = geometry;
  const across = 2 * windowSize[1] - 1;
  const windows = batch * geometry.windows;
  const isPadded = padded[0] > height || padded[1] > width;
  return {
    windows,
    headSize: last / 3 / numHeads,
    isPadded,
    hidden: shift[0] > 0 || shift[1] > 0 || (isPadded && padding === 'masked'),
    uniforms: {
      pairs: windows * numHeads,
      heads: numHeads,
      tokens,
      height,
      width,
      windowRows: window[0],
      windowColumns: window[1],
      shiftRows: shift[0],
      shiftColumns: shift[1],
      countRows: count[0],
      countColumns: count[1],
      across,
      origin: (windowSize[0] - 1) * across + windowSize[1] - 1,
      masked: padding === 'masked' ? 1 : 0,
      scale,
      dropRate: dropout?.rate ?? 0,
      seed: (dropout?.seed ?? 0) >>> 0,
    },
  };
}

/** WGSL: reads vector `i` of a head in `name` from number `start` on. */
function rowReader(name: string, p: AttentionParameters, half = false): string {
  if (p.vector) {
    return `fn ${name}Vector(start: u32, i: u32) -> vec4f { return ${vectorAt(name, 'start / 4u + i', half)}; }`;
  }
  const rest = p.headSize % 4;
  const part = (c: number) => `select(0.0, ${name}[min(at + ${c}u, end)], ${c}u < left)`;
  return `fn ${name}Vector(start: u32, i: u32) -> vec4f {
  let at = start + 4u * i;
  let left = ${rest === 0 ? '4u' : `select(4u, ${rest}u, i == ${vectorsOf(p) - 1}u)`};
  let end = arrayLength(&${name}) - 1u;
  return vec4f(${[0, 1, 2, 3].map(part).join(', ')});
}`;
}

/** WGSL: writes vector `i` of a head to `name` from number `start` on. */
export function rowWriter(name: string, p: AttentionParameters, half = false): string {
  if (p.vector) {
    return `fn ${name}Store(start: u32, i: u32, v: vec4f) { ${name}[start / 4u + i] = ${packed('v', half)}; }`;
  }
  return `fn ${name}Store(start: u32, i: u32, v: vec4f) {
  for (var c = 0u; c < 4u && 4u * i + c < ${p.headSize}u; c++) { ${name}[start + 4u * i + c] = v[c]; }
}`;
}

/** Declarations of both shaders. `readers`: names of the buffers with rows of heads, besides qkv. */
export function attentionDeclarations(p: AttentionParameters, readers: string[]): string {
  const vectors = vectorsOf(p);
  const pairs = p.size / p.lanes;
  return `
const D = ${p.headSize}u;
const VECTORS = ${vectors}u;
const LANES = ${p.lanes}u;
const BLOCK = ${p.block}u;
const LOWEST = -3.0e38;
var<workgroup> first: array<vec4f, ${pairs * p.block * vectors}>;
var<workgroup> second: array<vec4f, ${pairs * p.block * vectors}>;
/** Of a token: where it lies in the window, for the bias, and its region; region 16 is hidden from all. */
var<workgroup> places: array<vec2u, ${pairs * p.block}>;

struct Place { cell: i32, at: u32, region: u32 }

fn along(position: u32, padded: u32, window: u32, shift: u32) -> u32 {
  if (shift == 0u || position < padded - window) { return 0u; }
  return select(2u, 1u, position < padded - shift);
}

fn placeOf(window: u32, token: u32) -> Place {
  let perMap = u.countRows * u.countColumns;
  let map = window / perMap;
  let place = window % perMap;
  let tokenRow = token / u.windowColumns;
  let tokenColumn = token % u.windowColumns;
  let i = (place / u.countColumns) * u.windowRows + tokenRow;
  let j = (place % u.countColumns) * u.windowColumns + tokenColumn;
  let paddedRows = u.countRows * u.windowRows;
  let paddedColumns = u.countColumns * u.windowColumns;
  var row = i + u.shiftRows;
  if (row >= paddedRows) { row -= paddedRows; }
  var column = j + u.shiftColumns;
  if (column >= paddedColumns) { column -= paddedColumns; }
  let inside = row < u.height && column < u.width;
  let cell = select(-1, i32((map * u.height + row) * u.width + column), inside);
  var region = 3u * along(i, paddedRows, u.windowRows, u.shiftRows) +
    along(j, paddedColumns, u.windowColumns, u.shiftColumns);
  if (!inside && u.masked == 1u) { region = 16u; }
  return Place(cell, tokenRow * u.across + tokenColumn, region);
}

${p.half ? HALF : ''}
${rowReader('qkv', p, p.half)}
${p.padToken ? rowReader('padToken', p) : ''}
${readers.map((name) => rowReader(name, p)).join('\n')}

/** Vector i of q (part 0), k or v of a cell. */
fn tokenVector(cell: i32, part: u32, head: u32, i: u32) -> vec4f {
  let start = (part * u.heads + head) * D;
  if (cell < 0) { return ${p.padToken ? 'padTokenVector(start, i)' : 'vec4f()'}; }
  return qkvVector(u32(cell) * 3u * u.heads * D + start, i);
}

/** What is added to the score of a query at \`query\` and a key at \`key\`. */
fn offsetOf(query: vec2u, key: vec2u, head: u32) -> f32 {
  let bias = table[(u.origin + query.x - key.x) * u.heads + head];
  ${
    p.hidden
      ? `if (key.y == 16u) { return bias + ${PADDING_MASK}; }
  return bias + select(0.0, ${REGION_MASK}.0, key.y != query.y);`
      : 'return bias;'
  }
}
${
  p.dropout
    ? `
/** The factor of dropout for a weight: a hash of the seed and the weight's number (the finaliser of MurmurHash3). */
fn dropped(number: u32) -> f32 {
  var h = number * 0x9e3779b1u + u.seed * 0x27d4eb2du;
  h ^= h >> 16u;
  h *= 0x85ebca6bu;
  h ^= h >> 13u;
  h *= 0xc2b2ae35u;
  h ^= h >> 16u;
  return select(0.0, 1.0 / (1.0 - u.dropRate), f32(h >> 8u) * 5.9604644775390625e-8 >= u.dropRate);
}`
    : ''
}`;
}

/**
 * WGSL that brings tokens [begin, begin + BLOCK) of the pair into workgroup memory: one part of qkv as \`first\`, and
 * vector i of cell \`place.cell\` by the expression \`second\`. With cosine scores the first is divided by its length.
 */
export function loadBlock(p: AttentionParameters, part: number, second: string): string {
  return `
      for (var i = l; i < BLOCK * VECTORS; i += LANES) {
        let token = begin + i / VECTORS;
        if (live && token < u.tokens) {
          let place = placeOf(window, token);
          first[sub * BLOCK * VECTORS + i] = tokenVector(place.cell, ${part}u, head, i % VECTORS);
          second[sub * BLOCK * VECTORS + i] = ${second};
          if (i % VECTORS == 0u) { places[sub * BLOCK + i / VECTORS] = vec2u(place.at, place.region); }
        }
      }
      workgroupBarrier();${
        p.cosine
          ? `
      for (var i = l; i < BLOCK; i += LANES) {
        let at = (sub * BLOCK + i) * VECTORS;
        var squares = 0.0;
        for (var c = 0u; c < VECTORS; c++) { squares += dot(first[at + c], first[at + c]); }
        let factor = 1.0 / max(sqrt(squares), ${MIN_NORM});
        for (var c = 0u; c < VECTORS; c++) { first[at + c] *= factor; }
      }
      workgroupBarrier();`
          : ''
      }`;
}

/** WGSL expression: the factor of the scores. */
export const scoreFactor = (p: AttentionParameters) =>
  p.cosine ? `exp(min(logitScale[head], ${MAX_LOGIT_SCALE}))` : 'u.scale';
