/**
 * The checkpoints of one training: when one is due, what it holds, and what is done where it cannot be written.
 *
 * The first is written before the first step, so that a place that cannot be written to is known at once. Should a later one
 * fail, because the disk is full, the training goes on with a warning: the checkpoints before it are still there.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {ABOVE_ZERO, checkNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {CheckpointError, ConfigError} from '../errors.js';
import type {Saved} from './checkpoint_file.js';
import {checkIdentity, type Identity} from './checkpoint_identity.js';
import {
  type Resumable,
  randomUses,
  restoreState,
  restoreWeights,
  type SavedWeights,
  setRandomUses,
  stateOf,
} from './checkpoint_state.js';
import {CheckpointSeries, type CheckpointStore} from './checkpoint_store.js';

export interface CheckpointOptions {
  /** Where they are; in `tfjs-swint/node` a folder in its place, `dir`. The newest two are kept. */
  store: CheckpointStore;
  /** Seconds from one to the next; default 60. There is also one at the end of each epoch and where the signal aborts. */
  everySeconds?: number;
  /** Told of a damaged checkpoint, and of one that cannot be written; default console.warn. */
  onWarning?: (message: string) => void;
}

/** The options of a trainer about checkpoints. */
export interface ResumeOptions {
  /** Save everything that the training needs to go on after an interruption; default no. */
  checkpoint?: CheckpointOptions;
  /**
   * Go on from the newest checkpoint that is whole, as if the training had never stopped; where there is none, begin. Default
   * false: a place that holds checkpoints is then a ConfigError. Network, data and the options that decide the result must be
   * those that it was made with. Where that training has ended, its result is returned without a further step.
   */
  resume?: boolean;
}

const OPTIONS = {
  ...{store: true, everySeconds: true, onWarning: true},
} as const satisfies ArgumentNames<CheckpointOptions>;

/** What one checkpoint holds. */
interface SavedTraining {
  identity: Identity;
  /** What the trainer found before the first step, so that it need not be found again. */
  setup: Saved;
  /** Where the training is; null at its end. */
  progress: Saved;
  /** What it returned; null before its end. */
  result: Saved;
  weights: SavedWeights;
  randomUses: number[];
  optimizer: Saved;
  parts: Record<string, Saved>;
}

/** What a training consists of beside its progress. */
export interface TrainingParts {
  model: tfl.LayersModel;
  optimizer: tf.Optimizer;
  /** Whatever else has a state, by name. */
  parts: Readonly<Record<string, Resumable>>;
}

export class Checkpoints {
  /** The checkpoint to go on from; null where the training begins. */
  readonly found: SavedTraining | null;
  private readonly name: string;
  private identity: Identity | null = null;
  private setup: Saved = null;
  private lastSave = performance.now();
  private isFailing = false;

  private constructor(
    private readonly who: string,
    private readonly options: CheckpointOptions,
    private readonly series: CheckpointSeries,
    found: {name: string; value: Saved} | null,
  ) {
    this.found = (found?.value ?? null) as SavedTraining | null;
    this.name = found?.name ?? '';
  }

  /** @returns null where no checkpoints are wanted. @throws see ResumeOptions. */
  static async open(who: string, {checkpoint, resume = false}: ResumeOptions): Promise<Checkpoints | null> {
    if (checkpoint === undefined) {
      if (!resume) return null;
      throw new ConfigError(`${who}: resume must come with checkpoint, the place to go on from; got none.`);
    }
    checkArguments(`${who}: checkpoint`, checkpoint, OPTIONS, {
      dir: "that is for the train and trainSegmentation of 'tfjs-swint/node'",
    });
    const {store, everySeconds = 60, onWarning = (message) => console.warn(message)} = checkpoint;
    checkNumber(who, 'checkpoint.everySeconds', everySeconds, ABOVE_ZERO);
    if (typeof store?.list !== 'function') {
      throw new ConfigError(`${who}: checkpoint.store must be a CheckpointStore; got ${typeof store}.`);
    }
    const series = new CheckpointSeries(who, store);
    const found = await series.open(resume, onWarning);
    return new Checkpoints(who, {store, everySeconds, onWarning}, series, found);
  }

  /**
   * Takes note of what the training belongs to.
   *
   * @param setup what the trainer found before the first step.
   * @throws CheckpointError or ConfigError where the checkpoint found belongs to another network, data set or options.
   */
  belongsTo(identity: Identity, setup: Saved): void {
    if (this.found) checkIdentity(this.who, this.name, this.found.identity, identity);
    this.identity = identity;
    this.setup = setup;
  }

  /** Puts everything but the progress into the state of the checkpoint that was found. */
  async restore({model, optimizer, parts}: TrainingParts): Promise<void> {
    const {weights, ...saved} = this.found!;
    restoreWeights(model, weights);
    setRandomUses(model, saved.randomUses);
    await restoreState(this.who, 'the optimizer', optimizer as Resumable, saved.optimizer);
    for (const [name, part] of Object.entries(parts)) {
      await restoreState(this.who, name, part, saved.parts[name]);
    }
  }

  /** Whether the time from one checkpoint to the next has passed. */
  get isDue(): boolean {
    return performance.now() - this.lastSave >= 1000 * this.options.everySeconds!;
  }

  /**
   * Writes one.
   *
   * @param weights those that the model has now.
   * @throws CheckpointError where it is the first one and cannot be written.
   */
  async save(
    progress: Saved,
    weights: SavedWeights,
    {model, optimizer, parts}: TrainingParts,
    isFirst = false,
  ): Promise<void> {
    const saved: SavedTraining = {
      ...{identity: this.identity!, setup: this.setup, progress, result: null, weights},
      randomUses: randomUses(model),
      optimizer: await stateOf(optimizer as Resumable),
      parts: {},
    };
    for (const [name, part] of Object.entries(parts)) saved.parts[name] = await stateOf(part);
    await this.write(saved, isFirst);
  }

  /** Writes the last one, with what the training returns. */
  async saveResult(result: Saved, weights: SavedWeights): Promise<void> {
    const nothing = {progress: null, randomUses: [], optimizer: null, parts: {}};
    await this.write({...nothing, identity: this.identity!, setup: this.setup, result, weights}, false);
  }

  private async write(saved: SavedTraining, isFirst: boolean): Promise<void> {
    try {
      await this.series.write(saved);
      this.isFailing = false;
    } catch (error) {
      if (isFirst || !(error instanceof CheckpointError)) throw error;
      if (!this.isFailing) {
        this.options.onWarning!(
          `${this.who}: a checkpoint cannot be written, the training goes on without it: ${error.message} ` +
            'Checkpoints before it are still there.',
        );
      }
      this.isFailing = true;
    }
    this.lastSave = performance.now();
  }

  /** Gives up the newest one, whose weights no step was taken with. */
  async dropNewest(): Promise<void> {
    await this.series.dropNewest().catch(() => undefined);
  }
}
