/**
 * What the shaders of window attention and of its gradient share: where the tokens of a window lie, how they are read,
 * and the score of a query and a key.
 *
 *   qkv [B, H, W, 3C], the last axis [q | k | v], each [heads][d];  N tokens in a window
 *
 * A pair is a window and a head; `lanes` invocations work on one, `size / lanes` pairs share a workgroup. Padding, shift,
 * partition and mask are arithmetic on indices, the same as in geometry/windows.ts.
 */
import {MAX_LOGIT_SCALE, MIN_NORM, PADDING_MASK, REGION_MASK} from '../../contracts/window_attention.js';
import {F16_FUNCTIONS, float32Storage, loadElement, type RowStorage, storeElement} from './row_storage.js';

/** What changes the text. */
export type AttentionParameters = {
  /** Numbers of a head, d. */
  headSize: number;
  /** How qkv, and in the forward pass the result, lie in memory; other maps are float32. */
  storage: RowStorage;
  size: number;
  lanes: number;
  /** Tokens of a window that are in workgroup memory at a time. */
  block: number;
  cosine: boolean;
  /** Whether some key is hidden from some query. */
  hidden: boolean;
  /** Whether cells that padding added carry padToken; else zeros. */
  padToken: boolean;
  dropout: boolean;
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

/** WGSL: `nameVector`, which reads vector `i` of a head in `name` from number `start` on. */
export function headReader(name: string, {headSize}: AttentionParameters, storage: RowStorage): string {
  if (storage !== 'numbers') {
    return `fn ${name}Vector(start: u32, i: u32) -> vec4f { return ${loadElement(name, 'start / 4u + i', storage)}; }`;
  }
  const rest = headSize % 4;
  const part = (c: number) => `select(0.0, ${name}[min(at + ${c}u, end)], ${c}u < left)`;
  return `fn ${name}Vector(start: u32, i: u32) -> vec4f {
  let at = start + 4u * i;
  let left = ${rest === 0 ? '4u' : `select(4u, ${rest}u, i == ${Math.ceil(headSize / 4) - 1}u)`};
  let end = arrayLength(&${name}) - 1u;
  return vec4f(${[0, 1, 2, 3].map(part).join(', ')});
}`;
}

/** WGSL: `nameStore`, which writes vector `i` of a head to `name` from number `start` on. */
export function headWriter(name: string, {headSize}: AttentionParameters, storage: RowStorage): string {
  if (storage !== 'numbers') {
    return `fn ${name}Store(start: u32, i: u32, v: vec4f) { ${storeElement(name, 'start / 4u + i', 'v', storage)} }`;
  }
  return `fn ${name}Store(start: u32, i: u32, v: vec4f) {
  for (var c = 0u; c < 4u && 4u * i + c < ${headSize}u; c++) { ${name}[start + 4u * i + c] = v[c]; }
}`;
}

/** Constants and workgroup memory. */
function memory({headSize, size, lanes, block}: AttentionParameters): string {
  const vectors = Math.ceil(headSize / 4);
  const pairs = size / lanes;
  return `
const D = ${headSize}u;
const VECTORS = ${vectors}u;
const LANES = ${lanes}u;
const BLOCK = ${block}u;
const LOWEST = -3.0e38;
var<workgroup> first: array<vec4f, ${pairs * block * vectors}>;
var<workgroup> second: array<vec4f, ${pairs * block * vectors}>;
var<workgroup> places: array<TokenPlace, ${pairs * block}>;`;
}

/** Where the tokens of a window lie. */
const PLACES = `
/** Of a token: where it lies in the window, for the bias, and its region; region 16 is hidden from all. */
struct TokenPlace { at: u32, region: u32 }

/** The cell of the map that a token is, negative for one that padding added, and its place. */
struct MapPlace { cell: i32, token: TokenPlace }

fn along(position: u32, padded: u32, window: u32, shift: u32) -> u32 {
  if (shift == 0u || position < padded - window) { return 0u; }
  return select(2u, 1u, position < padded - shift);
}

fn placeOf(window: u32, token: u32) -> MapPlace {
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
  return MapPlace(cell, TokenPlace(tokenRow * u.across + tokenColumn, region));
}`;

const tokenReader = ({padToken}: AttentionParameters) => `
/** Vector i of q (part 0), k or v of a cell. */
fn tokenVector(cell: i32, part: u32, head: u32, i: u32) -> vec4f {
  let start = (part * u.heads + head) * D;
  if (cell < 0) { return ${padToken ? 'padTokenVector(start, i)' : 'vec4f()'}; }
  return qkvVector(u32(cell) * 3u * u.heads * D + start, i);
}`;

const scoreOffset = ({hidden}: AttentionParameters) => `
/** What is added to the score of a query and a key. */
fn offsetOf(query: TokenPlace, key: TokenPlace, head: u32) -> f32 {
  let bias = table[(u.origin + query.at - key.at) * u.heads + head];
  ${
    hidden
      ? `if (key.region == 16u) { return bias + ${PADDING_MASK}; }
  return bias + select(0.0, ${REGION_MASK}.0, key.region != query.region);`
      : 'return bias;'
  }
}`;

const DROPOUT = `
/** The factor of dropout for a weight: a hash of the seed and the weight's number (the finaliser of MurmurHash3). */
fn dropped(number: u32) -> f32 {
  var h = number * 0x9e3779b1u + u.seed * 0x27d4eb2du;
  h ^= h >> 16u;
  h *= 0x85ebca6bu;
  h ^= h >> 13u;
  h *= 0xc2b2ae35u;
  h ^= h >> 16u;
  return select(0.0, 1.0 / (1.0 - u.dropRate), f32(h >> 8u) * 5.9604644775390625e-8 >= u.dropRate);
}`;

/** Declarations of both shaders. */
export const attentionDeclarations = (p: AttentionParameters) => `${memory(p)}
${PLACES}
${p.storage === 'f16' ? F16_FUNCTIONS : ''}
${headReader('qkv', p, p.storage)}
${p.padToken ? headReader('padToken', p, float32Storage(p.storage)) : ''}
${tokenReader(p)}
${scoreOffset(p)}
${p.dropout ? DROPOUT : ''}`;

/**
 * WGSL that brings tokens [begin, begin + BLOCK) of the pair into workgroup memory: one part of qkv as `first`, and
 * vector i of cell \`place.cell\` by the expression `second`. With cosine scores the first is divided by its length.
 */
export function loadBlock(p: AttentionParameters, part: number, second: string): string {
  return `
      for (var i = l; i < BLOCK * VECTORS; i += LANES) {
        let token = begin + i / VECTORS;
        if (live && token < u.tokens) {
          let place = placeOf(window, token);
          first[sub * BLOCK * VECTORS + i] = tokenVector(place.cell, ${part}u, head, i % VECTORS);
          second[sub * BLOCK * VECTORS + i] = ${second};
          if (i % VECTORS == 0u) { places[sub * BLOCK + i / VECTORS] = place.token; }
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
export const scoreFactor = ({cosine}: AttentionParameters) =>
  cosine ? `exp(min(logitScale[head], ${MAX_LOGIT_SCALE}))` : 'u.scale';
