/**
 * The folder of a training run, so that an interrupted run can go on from it:
 *
 *     OUT/run.json       the settings, and whether the run has come to its end
 *     OUT/checkpoints/   a folder of checkpoints for each network, until then
 *
 * It is the same for classifiers and segmentation networks.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {CheckpointError, ConfigError} from '../errors.js';
import {checkpointFolder} from '../node/checkpoint_folder.js';
import {codeOf, reason} from '../node/disk.js';
import {replaceFile} from '../node/replace_file.js';
import type {ResumeOptions} from '../training/checkpoints.js';
import {PROGRAM} from './command.js';
import type {TrainingDisplay} from './display.js';
import {shellWord} from './shell_word.js';
import {UsageError} from './usage_error.js';

/** What a run trains. */
export type RunTask = 'classify' | 'segment';

/** What OUT/run.json holds. */
interface SavedRun<Settings> {
  task: RunTask;
  settings: Settings;
  /** The command line that began it. */
  command: readonly string[];
  /** Where the program was started: paths in the settings may be relative to it. */
  folder: string;
  ended: boolean;
}

const RUN_FILE = 'run.json';

/** The command that goes on with a run. */
export const resumeCommand = (out: string, task: RunTask) =>
  `${PROGRAM} train ${task === 'segment' ? '--task segment ' : ''}--resume ${shellWord(out)}`;

/**
 * Where and how often a network's training is saved; nothing where it is not to be.
 *
 * @param resume whether to go on from the checkpoints that are there.
 */
export function checkpointOptions(
  network: string,
  {out, checkpointSeconds}: {out: string; checkpointSeconds: number},
  resume: boolean,
  display: TrainingDisplay,
): ResumeOptions {
  if (checkpointSeconds === 0) return {};
  const onWarning = (message: string) => display.line(`  ${message}`);
  const store = checkpointFolder(join(out, 'checkpoints', network));
  return {checkpoint: {store, everySeconds: checkpointSeconds, onWarning}, resume};
}

/** @throws ConfigError where the folder holds a run that has not ended. */
export function checkNewRun(out: string): void {
  const run = readRun(out);
  if (run?.ended || !hasCheckpoints(out)) return;
  throw new ConfigError(
    `train: --out must not hold a run that has not ended; got ${out} (${resumeCommand(out, run?.task ?? 'classify')} goes on with it; else ` +
      `choose another folder, or remove ${join(out, 'checkpoints')}).`,
  );
}

/** Writes down a run that begins, over one that has ended. */
export async function beginRun(
  out: string,
  task: RunTask,
  settings: object,
  command: readonly string[],
): Promise<void> {
  await rm(join(out, 'checkpoints'), {recursive: true, force: true});
  await writeRun(out, {task, settings, command, folder: process.cwd(), ended: false});
}

/** Notes that all is written, and removes the checkpoints. */
export async function endRun(out: string): Promise<void> {
  const run = readRun(out);
  // In this order: a run that is killed between the two has ended.
  if (run) await writeRun(out, {...run, ended: true});
  await rm(join(out, 'checkpoints'), {recursive: true, force: true}).catch(() => undefined);
}

/** The command line that began the run, which may have been interrupted since; null where none is written down. */
export const commandOf = (out: string): readonly string[] | null => readRun(out)?.command ?? null;

/**
 * The settings of a run that has not ended.
 *
 * @throws UsageError where the folder holds none, one of another task, or one that has ended.
 */
export function readSettings<Settings extends {data: string | null; out: string}>(
  out: string,
  task: RunTask,
): Settings {
  const run = readRun(out);
  if (run === null) {
    throw new UsageError(
      `train: --resume must be the --out of a run; got ${out}, which has no ${RUN_FILE} (check the path; runs with ` +
        '--checkpoint-seconds 0 have none).',
    );
  }
  if (run.task !== task) {
    throw new UsageError(
      `train: --resume must be a run of --task ${task}; got ${out}, which is one of ${run.task} ` +
        `(${resumeCommand(out, run.task)}).`,
    );
  }
  if (run.ended) {
    throw new UsageError(
      `train: --resume must be a run that has not ended; got ${out}, which has (its models and its report are there; ` +
        'train anew with another --out).',
    );
  }
  const {folder} = run;
  const settings = run.settings as Settings;
  const data =
    settings.data !== null && folder !== process.cwd() ? resolve(folder, settings.data) : settings.data;
  return {...settings, data, out};
}

function readRun(out: string): SavedRun<object> | null {
  const path = join(out, RUN_FILE);
  try {
    const run = JSON.parse(readFileSync(path, 'utf8'));
    if (
      !['classify', 'segment'].includes(run?.task) ||
      typeof run.settings?.out !== 'string' ||
      typeof run.folder !== 'string' ||
      !Array.isArray(run.command)
    ) {
      throw new Error('other content');
    }
    return run;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw new CheckpointError(`train: ${path} must be what a run wrote there; got ${reason(error)}.`, {
      cause: error,
    });
  }
}

const writeRun = (out: string, run: SavedRun<object>) =>
  replaceFile('train', join(out, RUN_FILE), new TextEncoder().encode(`${JSON.stringify(run, null, 2)}\n`));

function hasCheckpoints(out: string): boolean {
  try {
    return readdirSync(join(out, 'checkpoints'), {recursive: true}).some((name) =>
      String(name).endsWith('.swint'),
    );
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** Whether there is nothing, or a file where a folder would be: makeOutput says so. */
const isAbsent = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)));
