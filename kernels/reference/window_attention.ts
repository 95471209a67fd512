/**
 * windowAttention and its gradient, plainly, in float64. Contract: contracts/window_attention. For tests only.
 *
 * Every token is looked up by its cell on the padded map; no map is ever shifted or cut. No dropout.
 */
import {
  MAX_LOGIT_SCALE,
  MIN_NORM,
  PADDING_MASK,
  REGION_MASK,
  type WindowAttentionAttrs,
} from '../contracts/window_attention.js';
import {
  cellOfToken,
  isPaddingCell,
  regionOf,
  type WindowGeometry,
  windowGeometry,
} from '../geometry/windows.js';
import {type NdArray, zeros} from './array.js';

export interface WindowAttentionArrays {
  qkv: NdArray;
  table: NdArray;
  logitScale?: NdArray;
  padToken?: NdArray;
}

/** A token: its place on the map, or a padded cell. */
interface Token {
  row: number;
  column: number;
  region: number;
  added: boolean;
}

function tokensOf(geometry: WindowGeometry, window: number): Token[] {
  const {padded, shift} = geometry;
  return Array.from({length: geometry.tokens}, (_, t) => {
    const cell = cellOfToken(geometry, window, t);
    const [row, column] = [Math.floor(cell / padded[1]), cell % padded[1]];
    const shiftedRow = (row - shift[0] + padded[0]) % padded[0];
    const shiftedColumn = (column - shift[1] + padded[1]) % padded[1];
    const region = regionOf(geometry, shiftedRow, shiftedColumn);
    return {row, column, region, added: isPaddingCell(geometry, cell)};
  });
}

/** One head of one window: what the forward and the backward pass share. */
interface Head {
  tokens: Token[];
  /** Row of the table for each pair, [N, N]. */
  index: number[];
  /** Address of q of each token in qkv, or -1 for a padded cell; k is C further, v 2C. */
  address: number[];
  q: number[][];
  k: number[][];
  v: number[][];
  /** exp(min(logitScale, ln 100)) or scale. */
  factor: number;
  /** softmax of the scores, [N][N]. */
  probabilities: number[][];
}

function norm(x: number[]): number {
  return Math.max(Math.sqrt(x.reduce((a, b) => a + b * b, 0)), MIN_NORM);
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

function headOf(
  arrays: WindowAttentionArrays,
  attrs: WindowAttentionAttrs,
  geometry: WindowGeometry,
  [batch, window, head]: [number, number, number],
): Head {
  const {qkv, table, logitScale, padToken} = arrays;
  const [, height, width, last] = qkv.shape;
  const [channels, size] = [last / 3, last / 3 / attrs.numHeads];
  const tokens = tokensOf(geometry, window);
  const address = tokens.map(({row, column, added}) =>
    added ? -1 : ((batch * height + row) * width + column) * last + head * size,
  );
  const read = (part: number) =>
    address.map((at) =>
      Array.from({length: size}, (_, c) => {
        if (at >= 0) return qkv.data[at + part * channels + c];
        const padded = attrs.padding === 'attended' && padToken;
        return padded ? padToken.data[part * channels + head * size + c] : 0;
      }),
    );
  const [q, k, v] = [read(0), read(1), read(2)];
  const cosine = attrs.score === 'cosine';
  const factor = cosine
    ? Math.exp(Math.min((logitScale as NdArray).data[head], MAX_LOGIT_SCALE))
    : attrs.scale;
  const [windowHeight, windowWidth] = attrs.windowSize;
  const index: number[] = [];
  const probabilities = tokens.map((query, i) => {
    const scores = tokens.map((key, j) => {
      // Neighbours in a window are neighbours on the map, up to the wrap around of the shift, so that offsets are
      // taken within the window.
      const dy = Math.floor(i / geometry.window[1]) - Math.floor(j / geometry.window[1]);
      const dx = (i % geometry.window[1]) - (j % geometry.window[1]);
      const row = (dy + windowHeight - 1) * (2 * windowWidth - 1) + dx + windowWidth - 1;
      index.push(row);
      let score = factor * dot(q[i], k[j]);
      if (cosine) score /= norm(q[i]) * norm(k[j]);
      score += table.data[row * attrs.numHeads + head];
      if (key.added && attrs.padding === 'masked') return score + PADDING_MASK;
      return key.region === query.region ? score : score + REGION_MASK;
    });
    const largest = Math.max(...scores);
    const exps = scores.map((score) => Math.exp(score - largest));
    const total = exps.reduce((a, b) => a + b, 0);
    return exps.map((value) => value / total);
  });
  return {tokens, index, address, q, k, v, factor, probabilities};
}

function eachHead(
  arrays: WindowAttentionArrays,
  attrs: WindowAttentionAttrs,
  visit: (head: Head, number: number) => void,
): void {
  const [batch, height, width] = arrays.qkv.shape;
  const geometry = windowGeometry([height, width], attrs.windowSize, attrs.shift, attrs.padding);
  for (let b = 0; b < batch; b++) {
    for (let w = 0; w < geometry.windows; w++) {
      for (let h = 0; h < attrs.numHeads; h++) visit(headOf(arrays, attrs, geometry, [b, w, h]), h);
    }
  }
}

/** softmax of the scores, [B, windows, heads, N, N] (query before key). */
export function attentionProbabilitiesReference(
  arrays: WindowAttentionArrays,
  attrs: WindowAttentionAttrs,
): NdArray {
  const [batch, height, width] = arrays.qkv.shape;
  const {windows, tokens} = windowGeometry([height, width], attrs.windowSize, attrs.shift, attrs.padding);
  const result = zeros([batch, windows, attrs.numHeads, tokens, tokens]);
  let at = 0;
  eachHead(arrays, attrs, ({probabilities}) => {
    for (const row of probabilities) for (const value of row) result.data[at++] = value;
  });
  return result;
}

/** Address in y, or dy, of the first channel of a head of a token whose q is at `address` in qkv. */
function outputAddress(address: number, last: number): number {
  return Math.floor(address / last) * (last / 3) + (address % last);
}

/** Forward. */
export function windowAttentionReference(
  arrays: WindowAttentionArrays,
  attrs: WindowAttentionAttrs,
): NdArray {
  const last = arrays.qkv.shape[3];
  const y = zeros([...arrays.qkv.shape.slice(0, 3), last / 3]);
  eachHead(arrays, attrs, ({address, v, probabilities}) => {
    address.forEach((at, i) => {
      if (at < 0) return;
      const to = outputAddress(at, last);
      for (let c = 0; c < v[0].length; c++) {
        y.data[to + c] = probabilities[i].reduce((sum, p, j) => sum + p * v[j][c], 0);
      }
    });
  });
  return y;
}

/** Gradients of qkv and table, and of logitScale and padToken (zeros where those were not given). */
export function windowAttentionGradReference(
  arrays: WindowAttentionArrays,
  attrs: WindowAttentionAttrs,
  dy: NdArray,
) {
  const last = arrays.qkv.shape[3];
  const channels = last / 3;
  const dqkv = zeros(arrays.qkv.shape);
  const dtable = zeros(arrays.table.shape);
  const dlogitScale = zeros([attrs.numHeads]);
  const dpadToken = zeros([last]);
  eachHead(arrays, attrs, ({index, address, q, k, v, factor, probabilities}, head) => {
    const tokens = address.length;
    const size = v[0].length;
    const dOut = address.map((at) =>
      Array.from({length: size}, (_, c) => (at < 0 ? 0 : dy.data[outputAddress(at, last) + c])),
    );
    const add = (token: number, part: number, values: number[]) => {
      const at = address[token];
      values.forEach((value, c) => {
        if (at >= 0) dqkv.data[at + part * channels + c] += value;
        else if (attrs.padding === 'attended') dpadToken.data[part * channels + head * size + c] += value;
      });
    };
    const dq = q.map((row) => row.map(() => 0));
    const dk = k.map((row) => row.map(() => 0));
    const cosine = attrs.score === 'cosine';
    const unit = (x: number[]) => (cosine ? x.map((value) => value / norm(x)) : x);
    for (let i = 0; i < tokens; i++) {
      const dP = v.map((row) => dot(dOut[i], row));
      const mean = dot(dP, probabilities[i]);
      for (let j = 0; j < tokens; j++) {
        const p = probabilities[i][j];
        add(
          j,
          2,
          dOut[i].map((value) => p * value),
        );
        const dS = p * (dP[j] - mean);
        dtable.data[index[i * tokens + j] * attrs.numHeads + head] += dS;
        const [a, b] = [unit(q[i]), unit(k[j])];
        for (let c = 0; c < size; c++) {
          dq[i][c] += factor * dS * b[c];
          dk[j][c] += factor * dS * a[c];
        }
        if (cosine && (arrays.logitScale as NdArray).data[head] <= MAX_LOGIT_SCALE) {
          dlogitScale.data[head] += dS * factor * dot(a, b);
        }
      }
    }
    const through = (dh: number[], x: number[]) => {
      if (!cosine) return dh;
      const h = unit(x);
      const along = dot(h, dh);
      return dh.map((value, c) => (value - h[c] * along) / norm(x));
    };
    for (let i = 0; i < tokens; i++) {
      add(i, 0, through(dq[i], q[i]));
      add(i, 1, through(dk[i], k[i]));
    }
  });
  return {qkv: dqkv, table: dtable, logitScale: dlogitScale, padToken: dpadToken};
}
