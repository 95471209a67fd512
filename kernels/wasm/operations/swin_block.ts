/**
 * swinBlock on the wasm backend: one kernel of tfjs's for the whole block. Contract: contracts/swin_block.
 *
 * Intermediate maps live in scratch memory, for a few images at a time; the MLP goes through the rows in chunks whose
 * hidden layer stays in the cache.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type {SwinBlockAttrs, SwinBlockInputs} from '../../contracts/swin_block.js';
import {setAttentionSizes} from '../primitives/attention_sizes.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** Rows of the map that are in work at once, whole images at least. */
const ROWS_AT_ONCE = 4096;

/** Numbers of the hidden layer of the MLP that are in work at once: 4 MB, enough for many threads. */
const HIDDEN_AT_ONCE = 1 << 20;

const BYTES = 4;

/** What `tf.registerKernel` takes. */
export const swinBlockConfig = wasmKernel<keyof SwinBlockInputs, SwinBlockAttrs>(
  'SwintBlock',
  (backend, inputs, {attention, norm, epsilon}) => {
    const {x, qkvWeight, projWeight, fc1Weight, fc2Weight, qkvBias} = inputs;
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const y = output(backend, x.shape);
    const cells = height * width;
    if (batch * cells * channels === 0) return y.tensor;
    const hidden = fc1Weight.shape[1];
    const images = Math.max(1, Math.min(batch, Math.floor(ROWS_AT_ONCE / cells)));
    const rows = images * cells;
    const chunk = Math.min(rows, Math.max(64, 64 * Math.floor(HIDDEN_AT_ONCE / hidden / 64)));
    const at = (tensor: tf.TensorInfo | undefined) => address(backend, tensor);
    const factors = [
      {weight: qkvWeight, k: channels, n: 3 * channels},
      {weight: projWeight, k: channels, n: channels},
      {weight: fc1Weight, k: channels, n: hidden},
      {weight: fc2Weight, k: hidden, n: channels},
    ];
    kernelModule(backend).run((kernels, packed) => {
      const panelBytes = factors.map(({k, n}) => kernels.panelBytes(k, n));
      const mapBytes = BYTES * rows * channels;
      const total = 2 * mapBytes + Math.max(3 * mapBytes, BYTES * chunk * hidden);
      let free = kernels.callerScratch(total + panelBytes.reduce((a, b) => a + b, 0));
      const take = (bytes: number) => {
        free += bytes;
        return free - bytes;
      };
      const panels = factors.map(({weight, k, n}, i) =>
        packed.panels(weight, at(weight), {k, n, transposed: false}, batch * cells, take(panelBytes[i])),
      );
      const first = take(mapBytes);
      const second = take(mapBytes);
      const wide = free;
      const multiply = (
        which: number,
        [from, to]: [number, number],
        m: number,
        bias: tf.TensorInfo | undefined,
        {gelu = false, addend = 0} = {},
      ) => {
        const {k, n} = factors[which];
        const z = 0;
        const scale = 0;
        kernels.productRows(
          from,
          BYTES * k,
          panels[which],
          to,
          m,
          n,
          k,
          at(bias),
          gelu ? 1 : 0,
          z,
          scale,
          1,
          addend,
        );
      };
      const normalise = (
        gamma: tf.TensorInfo,
        beta: tf.TensorInfo,
        [from, to]: [number, number],
        m: number,
        addend = 0,
      ) => kernels.layerNorm(from, at(gamma), at(beta), to, 0, 0, m, channels, epsilon, 0, 1, addend);
      const cosine = attention.score === 'cosine';
      for (let image = 0; image < batch; image += images) {
        const count = Math.min(images, batch - image);
        const m = count * cells;
        const offset = BYTES * image * cells * channels;
        const [source, target] = [at(x) + offset, y.at + offset];
        // Attention: x, or its norm, through qkv (wide) and the heads (second) to the projection.
        const entry = norm === 'pre' ? first : source;
        if (norm === 'pre') normalise(inputs.gamma1, inputs.beta1, [source, first], m);
        multiply(0, [entry, wide], m, qkvBias);
        setAttentionSizes(kernels, [count, height, width, 3 * channels], attention);
        kernels.windowAttention(
          wide,
          at(inputs.table),
          cosine ? at(inputs.logitScale) : 0,
          attention.padding === 'attended' ? at(inputs.padToken) : 0,
          second,
        );
        if (norm === 'pre') {
          multiply(1, [second, target], m, inputs.projBias, {addend: source});
          normalise(inputs.gamma2, inputs.beta2, [target, first], m);
        } else {
          multiply(1, [second, first], m, inputs.projBias);
          normalise(inputs.gamma1, inputs.beta1, [first, target], m, source);
        }
        // MLP: `first` (pre-norm) or the target itself, through the hidden layer (wide).
        for (let row = 0; row < m; row += chunk) {
          const some = Math.min(chunk, m - row);
          const shift = BYTES * row * channels;
          multiply(2, [(norm === 'pre' ? first : target) + shift, wide], some, inputs.fc1Bias, {gelu: true});
          const end = norm === 'pre' ? target : second;
          multiply(
            3,
            [wide, end + shift],
            some,
            inputs.fc2Bias,
            norm === 'pre' ? {addend: target + shift} : {},
          );
        }
        if (norm === 'post') normalise(inputs.gamma2, inputs.beta2, [second, target], m, target);
      }
    });
    return y.tensor;
  },
);
