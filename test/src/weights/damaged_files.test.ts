/**
 * Thousands of damaged files: safetensors, files of torch.save, model.json. Each is read, or refused by one of our errors;
 * nothing hangs, and no more memory is taken than the file accounts for.
 *
 *     SWINT_FUZZ=10000 SWINT_SEED=2 npx mocha test/src/weights/damaged_files.test.ts
 *
 * for so many of each, from another seed; the slowest case and the memory are then printed. A failure names its case, which
 * `SWINT_CASE=n` runs alone.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel} from '../../../src/node/save_model.js';
import type {ByteSource} from '../../../src/weights/byte_source.js';
import {openCheckpoint} from '../../../src/weights/open_checkpoint.js';
import {caseRandom, damaged, damagedJson, overwritten, pick, type Random} from '../../helpers/damage.js';
import {temporaryFolder} from '../node/temporary_folder.js';

const given = process.env.SWINT_FUZZ;
const COUNT = Number(given ?? 300);
const SEED = process.env.SWINT_SEED ?? '1';
const ONLY = process.env.SWINT_CASE;

const MEGABYTE = 2 ** 20;

/** Runs every case of a format; `run` resolves to whether the file was read. */
async function runCases(format: string, run: (random: Random) => Promise<boolean>): Promise<void> {
  let [read, slowest, slowestCase] = [0, 0, 0];
  const before = process.memoryUsage().rss;
  for (let i = ONLY ? Number(ONLY) : 0; i < (ONLY ? Number(ONLY) + 1 : COUNT); i++) {
    const start = performance.now();
    try {
      if (await run(caseRandom(format, SEED, i))) read++;
    } catch (error) {
      const {name, message, stack} = error as Error;
      throw new Error(`SWINT_SEED=${SEED} SWINT_CASE=${i}, ${format}: ${name}: ${message}\n${stack}`);
    }
    const took = performance.now() - start;
    if (took > slowest) [slowest, slowestCase] = [took, i];
    // Lets the runner see that time passes.
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  const peak = process.resourceUsage().maxRSS / 1024;
  if (given) {
    console.log(
      `${format}: ${COUNT} cases, ${read} read, ${COUNT - read} refused; slowest ${slowest.toFixed(0)} ms ` +
        `(case ${slowestCase}); memory ${(before / MEGABYTE).toFixed(0)} MB before, ${peak.toFixed(0)} MB at most`,
    );
  }
  // Files of 1 MB at most: what is left is the collector's.
  expect(peak - before / MEGABYTE, 'MB').to.be.below(1500);
  // Otherwise the damage would be too small, or so great that only the beginning of a reader is tested.
  if (!ONLY) expect(read / COUNT).to.be.within(0.005, 0.9);
}

/** Opens a file and reads all its weights; counts what is read. */
function readAll(bytes: Uint8Array): boolean {
  let taken = 0;
  const source: ByteSource = {
    name: 'x',
    size: bytes.length,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
        throw new Error(`a read outside of the file, ${length} bytes at ${offset} of ${bytes.length}`);
      }
      taken += length;
      return bytes.slice(offset, offset + length);
    },
  };
  try {
    const {tensors, values} = openCheckpoint(source);
    expect(taken).to.be.at.most(3 * bytes.length + 70_000);
    for (const [name, {shape}] of tensors) {
      taken = 0;
      try {
        const read = values(name);
        expect(read.length).to.equal(shape.reduce((a, b) => a * b, 1));
        expect(read.byteLength).to.be.at.most(4 * bytes.length);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
      }
      expect(taken).to.be.at.most(2 * bytes.length + 70_000);
    }
    return true;
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  }
}

/** A safetensors file with a header that is JSON, but not the right one. */
function otherHeader(random: Random, bytes: Uint8Array): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const text = new TextEncoder().encode(JSON.stringify(damagedJson(random, header)));
  const result = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(bytes.subarray(8 + length), 8 + text.length);
  return result;
}

describe('damaged files', () => {
  const golden = (folder: string, ending: RegExp) => {
    const path = new URL(`../../golden/${folder}/`, import.meta.url);
    return readdirSync(path)
      .filter((name) => ending.test(name))
      .map((name) => new Uint8Array(readFileSync(new URL(name, path))))
      .filter(({length}) => length < MEGABYTE);
  };
  const path = temporaryFolder();

  before(() => tf.setBackend('cpu'));

  it(`of safetensors: ${COUNT}`, async () => {
    const corpus = [
      ...golden('torch', /\.safetensors$/),
      ...golden('torchvision', /merging.*\.safetensors$/),
    ];
    expect(corpus.length).to.be.above(5);
    expect(corpus.every(readAll)).to.equal(true);
    await runCases('safetensors', async (random) => {
      const bytes = pick(random, corpus);
      return readAll(random() < 0.5 ? otherHeader(random, bytes) : damaged(random, bytes, corpus));
    });
  });

  it(`of torch.save: ${COUNT}`, async () => {
    const corpus = golden('torch', /\.pth$/);
    expect(corpus.length).to.be.above(5);
    await runCases('torch', async (random) => {
      const bytes = pick(random, corpus);
      return readAll(random() < 0.6 ? overwritten(random, bytes) : damaged(random, bytes, corpus));
    });
  });

  it(`of models: ${COUNT}`, async () => {
    const dense = (name: string, units: number) => tf.layers.dense({name, units, activation: 'relu'});
    const input = tf.input({shape: [4]});
    const joined = tf.layers
      .concatenate()
      .apply([
        dense('a', 3).apply(input) as tf.SymbolicTensor,
        dense('b', 2).apply(input) as tf.SymbolicTensor,
      ]) as tf.SymbolicTensor;
    const models = [
      tf.model({inputs: input, outputs: dense('c', 2).apply(joined) as tf.SymbolicTensor}),
      tf.sequential({
        layers: [tf.layers.conv2d({filters: 2, kernelSize: 3, inputShape: [8, 8, 3]}), dense('d', 2)],
      }),
      swinTransformer({
        ...{
          imageSize: 8,
          patchSize: 2,
          embedDim: 8,
          depths: [2],
          numHeads: [2],
          windowSize: 2,
          numClasses: 3,
        },
      }),
      swinResNet({depth: 14, inputShape: [3, 16, 16], numClasses: 2}),
    ];
    const corpus: {dir: string; json: Uint8Array}[] = [];
    for (const [i, model] of models.entries()) {
      for (const [k, options] of [{}, {quantize: 'uint8', shardBytes: 2 ** 19}].entries()) {
        const dir = path(`${i}-${k}`);
        await mkdir(dir, {recursive: true});
        await saveModel(model, dir, options as object);
        corpus.push({dir, json: new Uint8Array(readFileSync(`${dir}/model.json`))});
      }
      model.dispose();
    }
    const texts = corpus.map(({json}) => json);
    let {numTensors} = tf.memory();
    await runCases('model.json', async (random) => {
      const {dir, json} = random() < 0.9 ? pick(random, corpus.slice(0, 6)) : pick(random, corpus);
      const parsed = JSON.parse(new TextDecoder().decode(json));
      const other =
        random() < 0.8
          ? new TextEncoder().encode(JSON.stringify(damagedJson(random, parsed)))
          : damaged(random, json, texts);
      await writeFile(`${dir}/model.json`, other);
      try {
        await loadModel(dir);
        // Not model.dispose(): tfjs keeps the weights of layers that no output needs.
        tf.disposeVariables();
        numTensors = tf.memory().numTensors;
        return true;
      } catch (error) {
        if (error instanceof CheckpointError) return false;
        throw error;
      } finally {
        expect(tf.memory().numTensors).to.equal(numTensors);
      }
    });
  });
});
