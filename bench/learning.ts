/**
 * What is learnt in equal minutes: trains every configuration of learning_configurations.ts for as long, with each seed, and
 * tests it on all test images.
 *
 *   npm run bench -- --only learning --data DIR [--minutes 10] [--seeds 3] [--configurations a,b] [--threads N] [--json FILE]
 *
 * DIR holds images as `tfjs-swint train --data` takes them. The results are written after every run; a file that is there
 * already is gone on from: what it has is not trained again. A configuration that fails is told of, and the others go on.
 */
import type * as tf from '@tensorflow/tfjs';
import * as swint from 'tfjs-swint';
import {cifarFiles, detectCifar, imageFolder} from 'tfjs-swint/node';
import {LEARNING_CONFIGURATIONS, type LearningConfiguration} from './learning_configurations.js';
import {LearningResults, type LearningRow} from './learning_results.js';

export interface LearningOptions {
  data: string;
  minutes: number;
  seeds: number;
  /** Names; undefined: all. */
  configurations?: string[];
  /** How the machine is called in the name of the file. */
  machine: string;
  backend: swint.BackendName;
  threads: number;
  /** Default bench/results/learning-MACHINE-MINUTESmin.json. */
  json?: string;
}

type Data = Awaited<ReturnType<typeof imageFolder>>;

async function openData(dir: string): Promise<Data> {
  return (await detectCifar(dir)) === null ? imageFolder(dir, {seed: 0}) : cifarFiles(dir);
}

/** @throws Error for a name that there is not. */
export function chosenConfigurations(names?: string[]): LearningConfiguration[] {
  if (names === undefined) return [...LEARNING_CONFIGURATIONS];
  return names.map((name) => {
    const found = LEARNING_CONFIGURATIONS.find((one) => one.name === name);
    if (found) return found;
    const all = LEARNING_CONFIGURATIONS.map((one) => one.name).join(', ');
    throw new Error(`--configurations takes some of ${all}; got ${name}`);
  });
}

/** The optimizer of this name that the library exports. */
function makeOptimizer({name, args}: {name: string; args: object}): tf.Optimizer {
  const Optimizer = (swint as unknown as Record<string, new (args: object) => tf.Optimizer>)[name];
  if (Optimizer === undefined) throw new Error(`the library must export the optimizer; got ${name}`);
  return new Optimizer(args);
}

/** More steps than fit into the minutes: schedules follow the time then, and the one test is at the end. */
const ENDLESS = 1_000_000;

async function learn(
  configuration: LearningConfiguration,
  seed: number,
  data: Data,
  minutes: number,
): Promise<LearningRow> {
  const {channels, height, width, classNames} = data.train;
  // Images that grow want a network of free sizes.
  const free = 'progressiveResizing' in configuration.training;
  const inputShape: [number, number, number] = [channels, height, width];
  const model = swint.swinResNet({
    ...configuration.network,
    inputShape: free ? [channels, null, null] : inputShape,
    numClasses: classNames.length,
    seed,
  });
  const optimizer = configuration.optimizer && makeOptimizer(configuration.optimizer);
  try {
    const {multiplyAdds, parameters} = swint.modelInfo(model, {inputShape});
    const history = await swint.train(model, data, {
      ...{epochs: 1, stepsPerEpoch: ENDLESS, maxSeconds: 60 * minutes, seed, optimizer},
      ...configuration.training,
    });
    const {evaluation, steps, imagesPerSecond} = history;
    if (evaluation === null || imagesPerSecond === null) throw new Error('no step was taken');
    return {
      ...{configuration, seed, testAccuracy: evaluation.accuracy, testLoss: evaluation.loss},
      ...{steps, imagesPerSecond, parameters, multiplyAdds, date: new Date().toISOString()},
    };
  } finally {
    optimizer?.dispose();
    model.dispose();
  }
}

/** @returns the names of the runs that failed. */
export async function benchLearning(options: LearningOptions): Promise<string[]> {
  const {minutes, seeds, machine, backend, threads} = options;
  const configurations = chosenConfigurations(options.configurations);
  const data = await openData(options.data);
  const {train, test} = data;
  const results = LearningResults.open(
    options.json ?? `bench/results/learning-${machine}-${minutes}min.json`,
    {
      ...{machine, backend, threads, minutes},
      data: {
        ...{train: train.classNames.join(' '), trainImages: train.size, testImages: test.size},
        classes: train.classNames.length,
      },
    },
  );
  const failed: string[] = [];
  // Seed by seed, so that a study that is stopped has something of every configuration.
  for (let seed = 0; seed < seeds; seed++) {
    for (const configuration of configurations) {
      const name = `${configuration.name}, seed ${seed}`;
      if (results.has(configuration, seed)) {
        console.log(`${name}: done before`);
        continue;
      }
      try {
        const row = await learn(configuration, seed, data, minutes);
        await results.add(row);
        const percent = (100 * row.testAccuracy).toFixed(2);
        console.log(`${name}: ${percent} %, ${row.steps} steps, ${row.imagesPerSecond.toFixed(0)} images/s`);
      } catch (error) {
        failed.push(name);
        console.error(`${name}: failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  console.log(`\nTest accuracy after ${minutes} minutes: mean, standard deviation and range over the seeds`);
  console.log(results.table());
  return failed;
}

/** A name for the file: 'AMD EPYC 9B45 128-Core Processor' with 2 threads is epyc-9b45-2-threads-wasm. */
export function machineName(model: string, threads: number, backend: string): string {
  const words = model
    .toLowerCase()
    .replace(/\((r|tm)\)|\b(amd|intel|processor|cpu|\d+-core|@.*)\b/g, ' ')
    .match(/[a-z0-9]+/g);
  return `${(words ?? ['machine']).join('-')}-${threads}-threads-${backend}`;
}
