/**
 * The model that a command is to work with: a folder that `saveModel` or `tfjs-swint train` wrote, its model.json, the URL of
 * a model.json, or the name of a network that comes with the package; and what it is for, by the shape of its output.
 *
 *     [B, K]                          a classifier
 *     [B, K, H, W] or [B, H, W, K]    a segmentation network
 */
import {stat} from 'node:fs/promises';
import {basename, dirname} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {showShape} from '../../kernels/common/shapes.js';
import {ConfigError} from '../errors.js';
import {buildModel} from '../node/build_model.js';
import {loadModel} from '../node/load_model.js';
import {pretrained} from '../node/pretrained.js';
import {isPretrained} from '../pretrained_models.js';
import {besideModelJson, cannotBeBuilt, fetchModelFiles} from '../weights/fetch_model.js';
import {optionName} from './options.js';
import {UsageError} from './usage_error.js';

export type Task = 'classify' | 'segment';

/** @throws CheckpointError where there is no model, or a damaged one. */
export async function openModel(place: string): Promise<tfl.LayersModel> {
  if (/^https?:\/\//i.test(place)) {
    const url = new URL(place);
    // The URL of a folder.
    if (!/\.json$/i.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/$/, '')}/model.json`;
    const who = `loadModel(${place})`;
    const {description, weights} = await fetchModelFiles(who, besideModelJson(url));
    // Anyone's model: it takes no more memory than its file.
    return buildModel(description, weights).catch((error: unknown) => {
      throw cannotBeBuilt(who, error);
    });
  }
  // A folder of that name goes before a network of the package.
  if (isPretrained(place) && !(await stat(place).catch(() => null))) return pretrained(place);
  return loadModel(basename(place) === 'model.json' ? dirname(place) : place);
}

/** @throws ConfigError, in the name of the command, for a model that does neither. */
export function taskOf(command: string, model: tfl.LayersModel): Task {
  const [output, ...others] = model.outputs;
  if (others.length === 0 && output!.shape.length === 2) return 'classify';
  if (others.length === 0 && output!.shape.length === 4) return 'segment';
  throw new ConfigError(
    `${command}: the model must be a classifier, with one output [B, K], or a segmentation network, with one output ` +
      `[B, K, H, W] or [B, H, W, K]; got ${model.outputs.map(({shape}) => showShape(shape)).join(' and ')}.`,
  );
}

/** Options that mean something to models of one task only. */
export type OptionsOfTasks = Readonly<Record<Task, readonly string[]>>;

/**
 * @param options As they were given; null where they were not.
 * @throws UsageError, in the name of the command, for an option that means nothing to a model of this task.
 */
export function checkTaskOptions(
  command: string,
  task: Task,
  options: Readonly<Record<string, unknown>>,
  ofTasks: OptionsOfTasks,
): void {
  const other = task === 'classify' ? 'segment' : 'classify';
  const needs = {classify: 'classifier', segment: 'segmentation network'};
  for (const key of ofTasks[other]) {
    if (options[key] === null) continue;
    throw new UsageError(
      `${command}: --${optionName(key)} must go with a ${needs[other]}; got it with a ${needs[task]} (leave it out).`,
    );
  }
}
