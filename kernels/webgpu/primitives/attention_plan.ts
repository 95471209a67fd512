/**
 * How the work of window attention and of its gradient is cut for a device, and the uniforms of both shaders: see
 * wgsl/attention_window.ts.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type {WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {windowGeometry} from '../../geometry/windows.js';
import {deviceOf} from '../runtime/program.js';
import type {AttentionParameters} from '../wgsl/attention_window.js';

/** Workgroup memory that every device has, bytes. */
const WORKGROUP_MEMORY = 16_384;

/** How the work is cut, from the window and the head; `statistics`: bytes that the shader keeps for a token. */
export function attentionPlan(
  backend: WebGPUBackend,
  tokens: number,
  headSize: number,
  statistics: number,
): Pick<AttentionParameters, 'size' | 'lanes' | 'block'> {
  const memory = Math.max(WORKGROUP_MEMORY, deviceOf(backend).limits.maxComputeWorkgroupStorageSize);
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
