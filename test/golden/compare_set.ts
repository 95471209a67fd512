/**
 * Loads the checkpoints that make_comparison_set.py wrote, and compares values and gradients with those of their projects.
 *
 *     npx tsx test/golden/compare_set.ts DIR [PART OF A NAME]
 *
 * A line for each case: the largest relative error, |ours - theirs| / |theirs| in the l2 norm, or why it is refused. Exit status
 * 1 where one is above 1e-4, or is refused for another reason than it should be, or is not refused and should be.
 */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {CheckpointError} from '../../src/errors.js';
import {swinFromCheckpoint} from '../../src/node/weight_files.js';
import type {SwinFromCheckpointOptions} from '../../src/weights/from_checkpoint.js';
import {readGoldenAt} from '../helpers/golden.js';
import {type Compared, compareNetwork, isKeyBias} from '../helpers/published_network.js';

const BOUND = 1e-4;

interface Config {
  layout?: string;
  options?: SwinFromCheckpointOptions;
  /** Why it has to be refused. */
  refused?: string;
}

interface Outcome {
  kind: 'agrees' | 'refused' | 'wrong';
  text: string;
}

function relativeError({name, actual, expected}: Compared): number {
  if (actual === null || actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    size += expected[i] ** 2;
  }
  // Gradients that are 0, of a table of one cell for example, have no relative error.
  return Math.sqrt(isKeyBias(name) || size === 0 ? difference : difference / size);
}

async function compareCase(dir: string, name: string, file: string): Promise<Outcome> {
  const {tensors, config} = readGoldenAt(pathToFileURL(join(dir, `${name}.expected`)));
  const {layout, options, refused} = config as unknown as Config;
  try {
    const loaded = await swinFromCheckpoint(join(dir, file), options);
    if (refused !== undefined) return {kind: 'wrong', text: `must be refused: ${refused}`};
    const {report} = loaded;
    if (report.layout !== layout) return {kind: 'wrong', text: `taken to be of ${report.layout}, is of ${layout}`};
    const compared = await compareNetwork(loaded, tensors);
    const [worst] = compared.map((one) => ({...one, error: relativeError(one)})).sort((a, b) => b.error - a.error);
    const text = `${worst.error.toExponential(1)} in ${worst.name}, ${compared.length} tensors`;
    return {kind: worst.error <= BOUND ? 'agrees' : 'wrong', text};
  } catch (error) {
    if (!(error instanceof CheckpointError)) return {kind: 'wrong', text: (error as Error).stack ?? String(error)};
    const expected = refused !== undefined && error.message.includes(refused);
    return {kind: expected ? 'refused' : 'wrong', text: error.message};
  } finally {
    tf.disposeVariables();
  }
}

const [dir, part = ''] = process.argv.slice(2);
if (dir === undefined) throw new Error('compare_set: the folder of make_comparison_set.py must be given; got nothing.');
const files = readdirSync(dir);
const names = files.flatMap((file) => (/\.expected$/.test(file) ? [file.replace(/\.expected$/, '')] : []));
const counts = {agrees: 0, refused: 0, wrong: 0};
await tf.setBackend('cpu');
for (const name of names.filter((one) => one.includes(part)).sort()) {
  const file = files.find((one) => one.startsWith(`${name}.`) && !one.endsWith('.expected'))!;
  const {kind, text} = await compareCase(dir, name, file);
  counts[kind]++;
  console.log(`${kind.padEnd(8)} ${file.padEnd(42)} ${text}`);
}
const {agrees, refused, wrong} = counts;
console.log(`${agrees} of ${agrees + refused + wrong} agree to ${BOUND}, ${refused} refused as they should be, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
