/** A child process of memory.ts: `memory_of.ts swint|tfjs`. Prints the bytes of the heap after three passes. */
import * as tf from '@tensorflow/tfjs';
import {setupBackend} from 'tfjs-swint';
import {allGradients, makePair, STAGES} from './pairs.js';

const kernels = process.argv[2] as 'swint' | 'tfjs';
await setupBackend('wasm', {kernels});
const pair = makePair(STAGES[0], 8);
const run = allGradients(kernels === 'swint' ? pair.swin : pair.port, pair);
for (let i = 0; i < 3; i++) tf.dispose(tf.tidy(run));
const {wasm} = tf.backend() as unknown as {wasm: {HEAPU8: Uint8Array}};
console.log(wasm.HEAPU8.byteLength);
process.exit(0);
