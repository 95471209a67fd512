/**
 * A training with a checkpoint after every few milliseconds, as a process of its own that tests kill.
 *
 *     SWINT_DIR      the folder of checkpoints
 *     SWINT_WEIGHTS  where it writes the weights at the end
 *     SWINT_LIFE     how often it was started; the initial weights follow from it
 *     SWINT_THREADS  threads of the kernels
 *
 * It prints a line when it begins and one for each step.
 */
import {writeFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {setupBackend} from '../../../src/backends/setup_backend.js';
import {train} from '../../../src/node.js';
import {colourSplit} from '../training/colour_squares.js';
import {droppingModel, weightsOf} from '../training/small_networks.js';

const {SWINT_DIR = '', SWINT_WEIGHTS = '', SWINT_LIFE = '1', SWINT_THREADS = '1'} = process.env;
tf.enableProdMode();
await setupBackend('wasm', {threads: Number(SWINT_THREADS)});
const model = droppingModel(Number(SWINT_LIFE));
console.log('begins');
const history = await train(model, colourSplit(64, 30), {
  ...{epochs: 12, batchSize: 8, learningRate: 0.01, flip: true, cropPadding: 1, restoreBest: true},
  checkpoint: {dir: SWINT_DIR, everySeconds: 0.005},
  resume: true,
  onBatch: ({epoch, step}) => console.log(`${epoch}/${step}`),
});
const losses = history.epochs.flatMap(({trainLoss, testLoss}) => [trainLoss, testLoss!]);
const all = [...(await weightsOf(model)), Float64Array.from(losses)];
await writeFile(
  SWINT_WEIGHTS,
  Buffer.concat(all.map(({buffer, byteOffset, byteLength}) => Buffer.from(buffer, byteOffset, byteLength))),
);
// Threads of the kernels need not end by themselves.
process.exit(0);
