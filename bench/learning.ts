/**
 * What is learnt in equal minutes: trains every configuration of learning_configurations.ts with each seed, for as many
 * steps as fit into the minutes, and tests it on all test images.
 *
 *   npm run bench -- --only learning --data DIR [--minutes 10] [--seeds 3] [--configurations a,b] [--threads N] [--json FILE]
 *
 * DIR holds images as `tfjs-swint train --data` takes them. The steps are timed first, the configurations in turn,
 * which wants a machine that does nothing else; from then on their number is fixed, so that the trainings themselves can take
 * turns with other work and give the same. Speeds and results are written as they come, and a training leaves checkpoints: a
 * file that is there already is gone on from. A configuration that fails is told of, and the others go on.
 */
import {existsSync, rmSync} from 'node:fs';
import type * as tf from '@tensorflow/tfjs';
import * as swint from 'tfjs-swint';
import {checkpointFolder, cifarFiles, detectCifar, imageFolder} from 'tfjs-swint/node';
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

interface Learner {
  model: tf.LayersModel;
  /** Options of `train`, the number of steps excepted. */
  options: swint.TrainOptions;
  dispose(): void;
}

function makeLearner(configuration: LearningConfiguration, seed: number, data: Data): Learner {
  const {channels, height, width, classNames} = data.train;
  // Images that grow want a network of free sizes.
  const free = configuration.training.progressiveResizing !== undefined;
  const model = swint.swinResNet({
    ...configuration.network,
    inputShape: free ? [channels, null, null] : [channels, height, width],
    numClasses: classNames.length,
    seed,
  });
  const optimizer = configuration.optimizer && makeOptimizer(configuration.optimizer);
  const options = {seed, optimizer, ...configuration.training};
  const dispose = () => {
    optimizer?.dispose();
    model.dispose();
  };
  return {model, options, dispose};
}

/** Rounds of timing, in each of which every configuration has its turn. */
const ROUNDS = 3;

/** The steps that are timed of each size of images in a round, and those before them, which prepare memory and kernels. */
const TIMED = 4;
const UNTIMED = 2;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Seconds of each of some steps of a fresh network. */
async function timedSteps(configuration: LearningConfiguration, data: Data): Promise<number[]> {
  const {model, options, dispose} = makeLearner(configuration, 0, data);
  const times: number[] = [];
  const stop = new AbortController();
  try {
    await swint.train(model, data, {
      ...{...options, epochs: 1, stepsPerEpoch: UNTIMED + TIMED, signal: stop.signal},
      onBatch: ({step, stepMs}) => {
        if (step > UNTIMED) times.push(stepMs / 1000);
        // Before the test.
        if (step === UNTIMED + TIMED) stop.abort();
      },
    });
  } finally {
    dispose();
  }
  return times;
}

/**
 * Seconds of a step of each configuration: medians of rounds in which they take turns. Where images grow, the mean of both
 * sizes by their shares of the steps.
 */
async function timeSteps(
  configurations: LearningConfiguration[],
  data: Data,
): Promise<Map<LearningConfiguration, number>> {
  // Every size of images of a configuration, with its share of the steps.
  const sizes = configurations.map((configuration) => {
    const resizing = configuration.training.progressiveResizing;
    const withUntil = (until: number) => ({
      ...configuration,
      training: {...configuration.training, progressiveResizing: resizing && {...resizing, until}},
    });
    const share = resizing?.until ?? 0;
    return [
      {share, configuration: withUntil(1), times: [] as number[]},
      {share: 1 - share, configuration: withUntil(0), times: [] as number[]},
    ].filter((size) => size.share > 0);
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const size of sizes.flat()) size.times.push(...(await timedSteps(size.configuration, data)));
  }
  return new Map(
    configurations.map((configuration, i) => [
      configuration,
      sizes[i].reduce((sum, {share, times}) => sum + share * median(times), 0),
    ]),
  );
}

async function learn(
  configuration: LearningConfiguration,
  seed: number,
  data: Data,
  seconds: number,
  steps: number,
  dir: string,
): Promise<LearningRow> {
  const {channels, height, width} = data.train;
  const {model, options, dispose} = makeLearner(configuration, seed, data);
  try {
    const {multiplyAdds, parameters} = swint.modelInfo(model, {inputShape: [channels, height, width]});
    const {evaluation} = await swint.train(model, data, {
      ...{...options, epochs: 1, stepsPerEpoch: steps},
      ...{checkpoint: {store: checkpointFolder(dir), everySeconds: 60}, resume: existsSync(dir)},
    });
    if (evaluation === null) throw new Error('the training was not tested');
    return {
      ...{configuration, seed, testAccuracy: evaluation.accuracy, testLoss: evaluation.loss},
      ...{steps, secondsPerStep: seconds, parameters, multiplyAdds, date: new Date().toISOString()},
    };
  } finally {
    dispose();
  }
}

/** @returns the names of the configurations that failed. */
export async function benchLearning(options: LearningOptions): Promise<string[]> {
  const {minutes, seeds, machine, backend, threads} = options;
  const configurations = chosenConfigurations(options.configurations);
  const data = await openData(options.data);
  const {train, test} = data;
  const file = options.json ?? `bench/results/learning-${machine}-${minutes}min.json`;
  const results = LearningResults.open(file, {
    ...{machine, backend, threads, minutes},
    data: {
      ...{train: train.classNames.join(' '), trainImages: train.size, testImages: test.size},
      classes: train.classNames.length,
    },
  });
  const failed = new Set<string>();
  const attempt = async (configuration: LearningConfiguration, what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failed.add(configuration.name);
      console.error(
        `${configuration.name}${what}: failed: ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  const untimed = configurations.filter((one) => results.secondsPerStep(one) === undefined);
  for (const [configuration, seconds] of await timeSteps(untimed, data)) {
    await results.setSpeed(configuration, seconds);
  }
  for (const one of configurations) {
    console.log(`${one.name}: ${results.secondsPerStep(one)?.toFixed(3)} s a step`);
  }
  // Seed by seed, so that a study that is stopped has something of every configuration.
  for (let seed = 0; seed < seeds; seed++) {
    for (const configuration of configurations) {
      const {name} = configuration;
      const seconds = results.secondsPerStep(configuration)!;
      if (results.has(configuration, seed)) {
        console.log(`${name}, seed ${seed}: done before`);
        continue;
      }
      await attempt(configuration, `, seed ${seed}`, async () => {
        const dir = `${file}.checkpoints/${name}-${seed}`;
        const steps = Math.max(1, Math.round((60 * minutes) / seconds));
        const row = await learn(configuration, seed, data, seconds, steps, dir);
        await results.add(row);
        rmSync(dir, {recursive: true});
        console.log(`${name}, seed ${seed}: ${(100 * row.testAccuracy).toFixed(2)} %, ${steps} steps`);
      });
    }
  }
  console.log(`\nTest accuracy after ${minutes} minutes: mean, standard deviation and range over the seeds`);
  console.log(results.table());
  return [...failed];
}

/** A name for the file: 'AMD EPYC 9B45 128-Core Processor' with 2 threads is epyc-9b45-2-threads-wasm. */
export function machineName(model: string, threads: number, backend: string): string {
  const words = model
    .toLowerCase()
    .replace(/\((r|tm)\)|\b(amd|intel|processor|cpu|\d+-core|@.*)\b/g, ' ')
    .match(/[a-z0-9]+/g);
  return `${(words ?? ['machine']).join('-')}-${threads}-threads-${backend}`;
}
