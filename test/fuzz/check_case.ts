/** Runs a case on the current backend and says what is wrong with what came out. */
import * as tf from '@tensorflow/tfjs';
import {Draw} from './draw.js';
import type {Expected, FuzzBackend, FuzzCase} from './fuzz_case.js';
import {operations} from './operations.js';

/** Largest error of a sum, as a part of the sum of its absolute terms. */
const TOLERANCE = 1e-5;

/** One case among those of an operation. */
export interface CaseName {
  backend: FuzzBackend;
  operation: string;
  seed: number;
  index: number;
}

export function drawCase({backend, operation, seed, index}: CaseName): FuzzCase {
  const found = operations[backend][operation];
  if (!found) {
    const known = Object.keys(operations[backend]).join(', ');
    throw new Error(`fuzz: the operation on ${backend} must be one of ${known}; got ${operation}.`);
  }
  return found.draw(new Draw(`${operation} ${seed} ${index}`), backend);
}

/** The command that runs one case again. */
export const reproduction = ({backend, operation, seed, index}: CaseName) =>
  `npm run fuzz -- --backend ${backend} --operation ${operation} --seed ${seed} --case ${index}`;

/** What differs between a number and the one that is expected; undefined where nothing does. */
function wrongNumber(actual: number, expected: number, scale: number | undefined): boolean {
  if (Object.is(actual, expected)) return false;
  if (Number.isNaN(expected) || Number.isNaN(actual) || scale === undefined) return actual !== expected;
  return Math.abs(actual - expected) > TOLERANCE * scale + 1e-30;
}

async function wrongResult(actual: tf.Tensor, expected: Expected): Promise<string | undefined> {
  const {shape, dtype} = actual;
  if (!tf.util.arraysEqual(shape, [...expected.shape]))
    return `shape [${shape}] where [${expected.shape}] is right`;
  if (dtype !== expected.dtype) return `${dtype} where ${expected.dtype} is right`;
  const values = await actual.data();
  if (values.length !== expected.values.length) return `${values.length} values of [${shape}]`;
  for (let i = 0; i < values.length; i++) {
    const scale = dtype === 'float32' ? expected.scale?.[i] : undefined;
    if (wrongNumber(values[i], expected.values[i], scale)) {
      return `${values[i]} at ${i} where ${expected.values[i]} is right`;
    }
  }
  return undefined;
}

/** What is wrong; undefined where all is right. */
export async function wrongWith({run, expected}: FuzzCase): Promise<string | undefined> {
  const before = tf.memory().numTensors;
  const right = expected();
  let results: tf.Tensor[];
  try {
    results = tf.tidy(run);
  } catch (error) {
    const {message} = error as Error;
    if (!Array.isArray(right) && message.includes(right.error)) return undefined;
    return `"${message}" where ${Array.isArray(right) ? 'a result' : `"${right.error}"`} is right`;
  }
  if (!Array.isArray(right)) return `a result of [${results[0].shape}] where "${right.error}" is right`;
  if (results.length !== right.length) return `${results.length} results where ${right.length} are right`;
  try {
    for (const [i, one] of right.entries()) {
      const wrong = await wrongResult(results[i], one);
      if (wrong) return wrong;
    }
  } catch (error) {
    return `"${(error as Error).message}" as the result was read`;
  } finally {
    tf.dispose(results);
  }
  const left = tf.memory().numTensors - before;
  return left === 0 ? undefined : `${left} tensors left over`;
}

/** Runs cases of an operation. A line for each that went wrong, with the command that repeats it. */
export async function fuzz(
  name: Omit<CaseName, 'index'>,
  {from = 0, count, until = Infinity}: {from?: number; count: number; until?: number},
): Promise<{ran: number; failures: string[]}> {
  const failures: string[] = [];
  let ran = 0;
  for (let index = from; index < from + count && Date.now() < until; index++) {
    const one = drawCase({...name, index});
    const wrong = await wrongWith(one);
    if (wrong) failures.push(`${reproduction({...name, index})}\n    ${one.text}: ${wrong}`);
    ran++;
  }
  return {ran, failures};
}
