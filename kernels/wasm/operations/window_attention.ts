/**
 * windowAttention and its gradient on the wasm backend: assembly/kernels/window_attention.ts and window_attention_grad.ts.
 * Contract: contracts/window_attention.
 */
import type {WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {setAttentionSizes} from '../primitives/attention_sizes.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

type Shape4D = [number, number, number, number];
type Inputs = 'qkv' | 'table' | 'logitScale' | 'padToken';

/** What `tf.registerKernel` takes. */
export const windowAttentionConfig = wasmKernel<Inputs, WindowAttentionAttrs>(
  'SwintWindowAttention',
  (backend, {qkv, table, logitScale, padToken}, attrs) => {
    const [batch, height, width, last] = qkv.shape;
    const y = output(backend, [batch, height, width, last / 3]);
    if (batch * height * width * last > 0) {
      const [qkvAt, tableAt, logitAt, padAt] = [
        qkv,
        table,
        attrs.score === 'cosine' ? logitScale : undefined,
        attrs.padding === 'attended' ? padToken : undefined,
      ].map((tensor) => address(backend, tensor));
      kernelModule(backend).run((kernels) => {
        setAttentionSizes(kernels, qkv.shape as Shape4D, attrs);
        kernels.windowAttention(qkvAt, tableAt, logitAt, padAt, y.at);
      });
    }
    return y.tensor;
  },
);

/** What `tf.registerKernel` takes. */
export const windowAttentionGradConfig = wasmKernel<Inputs | 'dy', WindowAttentionAttrs>(
  'SwintWindowAttentionGrad',
  (backend, {qkv, table, logitScale, padToken, dy}, attrs) => {
    const cosine = attrs.score === 'cosine';
    const attended = attrs.padding === 'attended';
    const dqkv = output(backend, qkv.shape);
    const dtable = output(backend, table.shape);
    const dlogit = logitScale ? output(backend, logitScale.shape) : undefined;
    const dpad = padToken ? output(backend, padToken.shape) : undefined;
    const [qkvAt, tableAt, logitAt, padAt, dyAt] = [
      qkv,
      table,
      cosine ? logitScale : undefined,
      attended ? padToken : undefined,
      dy,
    ].map((tensor) => address(backend, tensor));
    kernelModule(backend).run((kernels) => {
      setAttentionSizes(kernels, qkv.shape as Shape4D, attrs);
      kernels.windowAttentionGrad(
        qkvAt,
        tableAt,
        logitAt,
        padAt,
        dyAt,
        dqkv.at,
        dtable.at,
        dlogit?.at ?? 0,
        dpad?.at ?? 0,
      );
    });
    return [dqkv, dtable, dlogit, dpad].flatMap((result) => (result ? [result.tensor] : []));
  },
);
