/**
 * swinBlock on the wasm backend: one kernel of tfjs's for the whole block, without a gradient. Contract:
 * contracts/swin_block.
 *
 * Intermediate maps live in scratch memory, for a few images at a time; the MLP goes through the rows in chunks whose
 * hidden layer stays in the cache.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../../common/errors.js';
import type {SwinBlockAttrs, SwinBlockInputs} from '../../contracts/swin_block.js';
import {setAttentionSizes} from '../primitives/attention_sizes.js';
import {address, output} from '../runtime/heap.js';
import type {KernelExports} from '../runtime/kernel_exports.js';
import {kernelModule} from '../runtime/module.js';
import type {PackedWeights} from '../runtime/packed_weights.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** Rows of the map that are in work at once, whole images at least. */
const ROWS_AT_ONCE = 4096;

/** Numbers of the hidden layer of the MLP that are in work at once: 4 MB, enough for many threads. */
const HIDDEN_AT_ONCE = 1 << 20;

const BYTES = 4;

type Inputs = {[name in keyof SwinBlockInputs]: tf.TensorInfo};

/** The weights, and the bias that goes with each. */
const BIAS_OF = {
  qkvWeight: 'qkvBias',
  projWeight: 'projBias',
  fc1Weight: 'fc1Bias',
  fc2Weight: 'fc2Bias',
} as const;

type WeightName = keyof typeof BIAS_OF;

/** How the block is cut: `images` at once, and `chunk` rows of the MLP. */
function cutBlock({x, fc1Weight, sampleScale1, sampleScale2}: Inputs) {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const hidden = fc1Weight.shape[1];
  const cells = height * width;
  // With one image at a time the factor of a sample is that of all rows, wherever a chunk begins.
  const scaled = sampleScale1 !== undefined || sampleScale2 !== undefined;
  const images = scaled ? 1 : Math.max(1, Math.min(batch, Math.floor(ROWS_AT_ONCE / cells)));
  const rows = images * cells;
  const chunk = Math.min(rows, Math.max(64, 64 * Math.floor(HIDDEN_AT_ONCE / hidden / 64)));
  return {batch, height, width, channels, hidden, cells, images, rows, chunk};
}

/** A block in work: sizes, and where weights and intermediate maps lie. */
interface Block extends ReturnType<typeof cutBlock> {
  kernels: KernelExports;
  at: (tensor: tf.TensorInfo | undefined) => number;
  inputs: Inputs;
  attrs: SwinBlockAttrs;
  /** The weights in the order in which products read them. */
  panels: Record<WeightName, number>;
  /** Maps [rows, C]. */
  first: number;
  second: number;
  /** Holds qkv [rows, 3C], then the hidden layer [chunk, F]. */
  wide: number;
}

/** Takes the scratch memory and packs the weights into it. */
function prepare(
  backend: BackendWasm,
  kernels: KernelExports,
  packed: PackedWeights,
  inputs: Inputs,
  attrs: SwinBlockAttrs,
): Block {
  const cut = cutBlock(inputs);
  const {batch, channels, hidden, cells, rows, chunk} = cut;
  const at = (tensor: tf.TensorInfo | undefined) => address(backend, tensor);
  const weights = (Object.keys(BIAS_OF) as WeightName[]).map((name) => {
    const [k, n] = inputs[name].shape as [number, number];
    return {name, k, n, bytes: kernels.panelBytes(k, n)};
  });
  const mapBytes = BYTES * rows * channels;
  const total = 2 * mapBytes + Math.max(3 * mapBytes, BYTES * chunk * hidden);
  let free = kernels.callerScratch(total + weights.reduce((sum, {bytes}) => sum + bytes, 0));
  const take = (bytes: number) => {
    free += bytes;
    return free - bytes;
  };
  const panels = Object.fromEntries(
    weights.map(({name, k, n, bytes}) => {
      const weight = inputs[name];
      return [name, packed.panels(weight, at(weight), {k, n, transposed: false}, batch * cells, take(bytes))];
    }),
  ) as Record<WeightName, number>;
  const first = take(mapBytes);
  const second = take(mapBytes);
  return {...cut, kernels, at, inputs, attrs, panels, first, second, wide: free};
}

/** What follows a product or a norm: a factor for all rows, and an addend. Addresses; 0 for none. */
interface Closing {
  scale?: number;
  addend?: number;
}

/** m rows at `from` times a weight, with its bias, to `to`. */
function multiply(
  {kernels, at, inputs, panels, cells}: Block,
  name: WeightName,
  [from, to]: [number, number],
  m: number,
  {gelu = false, scale = 0, addend = 0}: Closing & {gelu?: boolean} = {},
): void {
  const [k, n] = inputs[name].shape as [number, number];
  const bias = at(inputs[BIAS_OF[name]]);
  const z = 0;
  kernels.productRows(
    from,
    BYTES * k,
    panels[name],
    to,
    m,
    n,
    k,
    bias,
    gelu ? 1 : 0,
    z,
    scale,
    cells,
    addend,
  );
}

/** The layer norm of m rows at `from` to `to`. */
function normalise(
  {kernels, at, inputs, attrs, channels, cells}: Block,
  [gamma, beta]: ['gamma1', 'beta1'] | ['gamma2', 'beta2'],
  [from, to]: [number, number],
  m: number,
  {scale = 0, addend = 0}: Closing = {},
): void {
  const [mean, inverse] = [0, 0];
  kernels.layerNorm(
    from,
    at(inputs[gamma]),
    at(inputs[beta]),
    to,
    mean,
    inverse,
    m,
    channels,
    attrs.epsilon,
    scale,
    cells,
    addend,
  );
}

/** Some images in work: how many, where they lie in x and in the result, and the factors of their branches. */
interface Images {
  count: number;
  source: number;
  target: number;
  scale1: number;
  scale2: number;
}

/** The attention branch, from x to the result: through qkv (wide) and the heads (second) to the projection. */
function attentionBranch(block: Block, {count, source, target, scale1: scale}: Images): void {
  const {kernels, at, inputs, attrs, height, width, channels, cells, first, second, wide} = block;
  const {attention} = attrs;
  const pre = attrs.norm === 'pre';
  const m = count * cells;
  if (pre) normalise(block, ['gamma1', 'beta1'], [source, first], m);
  multiply(block, 'qkvWeight', [pre ? first : source, wide], m);
  setAttentionSizes(kernels, [count, height, width, 3 * channels], attention);
  kernels.windowAttention(
    wide,
    at(inputs.table),
    attention.score === 'cosine' ? at(inputs.logitScale) : 0,
    attention.padding === 'attended' ? at(inputs.padToken) : 0,
    second,
  );
  if (pre) {
    multiply(block, 'projWeight', [second, target], m, {scale, addend: source});
  } else {
    multiply(block, 'projWeight', [second, first], m);
    normalise(block, ['gamma1', 'beta1'], [first, target], m, {scale, addend: source});
  }
}

/** The MLP branch, in place: the result, or its norm (first), through the hidden layer (wide). */
function mlpBranch(block: Block, {count, target, scale2: scale}: Images): void {
  const {attrs, channels, cells, chunk, first, second, wide} = block;
  const pre = attrs.norm === 'pre';
  const m = count * cells;
  if (pre) normalise(block, ['gamma2', 'beta2'], [target, first], m);
  for (let row = 0; row < m; row += chunk) {
    const some = Math.min(chunk, m - row);
    const offset = BYTES * row * channels;
    multiply(block, 'fc1Weight', [(pre ? first : target) + offset, wide], some, {gelu: true});
    const end = (pre ? target : second) + offset;
    multiply(block, 'fc2Weight', [wide, end], some, pre ? {scale, addend: end} : {});
  }
  if (!pre) normalise(block, ['gamma2', 'beta2'], [second, target], m, {scale, addend: target});
}

/** What `tf.registerKernel` takes. */
export const swinBlockConfig = wasmKernel<keyof SwinBlockInputs, SwinBlockAttrs & {save: boolean}>(
  'SwintBlock',
  (backend, inputs, {save, ...attrs}) => {
    if (save) {
      throw new BackendError(
        'SwintBlock: the kernel on wasm saves nothing for a gradient; got save true (call swinBlock, which composes the ' +
          'block of other operations where a gradient is wanted).',
      );
    }
    const {x, sampleScale1, sampleScale2} = inputs;
    const y = output(backend, x.shape);
    if (x.shape.includes(0)) return y.tensor;
    kernelModule(backend).run((kernels, packed) => {
      const block = prepare(backend, kernels, packed, inputs, attrs);
      const {at, batch, cells, channels, images} = block;
      const scaleAt = (scale: tf.TensorInfo | undefined, image: number) =>
        scale ? at(scale) + BYTES * image : 0;
      for (let image = 0; image < batch; image += images) {
        const offset = BYTES * image * cells * channels;
        const some = {
          count: Math.min(images, batch - image),
          source: at(x) + offset,
          target: y.at + offset,
          scale1: scaleAt(sampleScale1, image),
          scale2: scaleAt(sampleScale2, image),
        };
        attentionBranch(block, some);
        mlpBranch(block, some);
      }
    });
    return y.tensor;
  },
);
