/**
 * The fuzzer of files: whole ones of a small corpus, damaged. Each is read, or refused by one of our errors; what work it
 * takes is counted (files/checkpoints.ts), and no more memory is taken than the formats say.
 */
import {caseRandom} from '../helpers/damage.js';
import {indexes, safetensors, torch} from './files/checkpoints.js';
import type {FileFormat} from './files/file_format.js';
import {images, large} from './files/images.js';
import {models} from './files/models.js';

export const formats: readonly FileFormat[] = [safetensors, torch, indexes, models, ...images];
export {large};

export interface FileRun {
  ran: number;
  /** How many of them were read; the others were refused. */
  read: number;
  /** A line for each case that went wrong, which begins with the command that repeats it. */
  failures: string[];
}

export interface FileRange {
  seed: number;
  /** Number of the first case; default 0. */
  from?: number;
  count: number;
  /** When to stop, in milliseconds of `Date.now`; default never. */
  until?: number;
  /** Most bytes that the process has had so far. */
  memory?: () => number;
}

const peakMemory = () => process.resourceUsage().maxRSS * 1024;

/** Cases of a format, one after the other. */
export async function fuzzFiles(
  format: FileFormat,
  {seed, from = 0, count, until = Number.POSITIVE_INFINITY, memory = peakMemory}: FileRange,
): Promise<FileRun> {
  const {name, mostMemory} = format;
  const open = await format.open();
  const before = memory();
  const run: FileRun = {ran: 0, read: 0, failures: []};
  let reported = false;
  try {
    for (let index = from; index < from + count && Date.now() < until; index++) {
      const told = `npm run fuzz -- --files --operation ${name} --seed ${seed} --case ${index}`;
      try {
        if ((await open.run(caseRandom(name, seed, index))).read) run.read++;
      } catch (error) {
        run.failures.push(`${told}: ${(error as Error).stack}`);
      }
      run.ran++;
      const taken = memory() - before;
      if (taken > mostMemory && !reported) {
        reported = true;
        run.failures.push(`${told}: the memory must grow by at most ${mostMemory} bytes; got ${taken}.`);
      }
      // The computations and decoders here never let the event loop run.
      if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
  } finally {
    await open.close?.();
  }
  return run;
}

/** Cases of a format for each seed. */
const CASES = 10_000;

interface Command {
  seed: number;
  /** The format; default all. */
  operation?: string;
  /** The one case to run; default all. */
  only?: number;
  /** Runs seed after seed until then; default one seed. */
  until?: number;
}

/** `npm run fuzz -- --files`. @returns how many cases went wrong. */
export async function runFileFuzzer({seed, operation, only, until}: Command): Promise<number> {
  const chosen = formats.filter(({name}) => name === (operation ?? name));
  if (chosen.length === 0) {
    const names = formats.map(({name}) => name).join(', ');
    throw new Error(`fuzz: --operation must be one of ${names} with --files; got ${operation}.`);
  }
  const range = only === undefined ? {count: CASES} : {from: only, count: 1};
  let wrong = 0;
  do {
    for (const format of chosen) {
      const {ran, read, failures} = await fuzzFiles(format, {seed, ...range, until});
      for (const failure of failures) console.log(failure);
      console.log(`${format.name} seed ${seed}: ${ran} files, ${read} read, ${failures.length} wrong`);
      wrong += failures.length;
    }
    seed++;
  } while (only === undefined && until !== undefined && Date.now() < until);
  return wrong;
}
