/** The sizes of window attention as the kernels take them (assembly/kernels/attention_sizes.ts). */

import type {WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {windowGeometry} from '../../geometry/windows.js';
import type {KernelExports} from '../runtime/kernel_exports.js';

/** Leaves the sizes where the kernel that is called next finds them, from the shape of qkv [B, H, W, 3C]. */
export function setAttentionSizes(
  kernels: KernelExports,
  [batch, height, width, last]: readonly [number, number, number, number],
  {numHeads, padding, scale, dropout, ...attrs}: WindowAttentionAttrs,
): void {
  const {window, windowSize, shift, count} = windowGeometry(
    [height, width],
    attrs.windowSize,
    attrs.shift,
    padding,
  );
  kernels.attentionSizes(
    batch,
    height,
    width,
    numHeads,
    last / 3 / numHeads,
    ...window,
    ...windowSize,
    ...shift,
    ...count,
    padding === 'masked' ? 1 : 0,
    scale,
    dropout?.rate ?? 0,
    dropout?.seed ?? 0,
  );
}
