/** Times alternatives in turn, A B A B ..., so that a drift of the machine's speed meets all of them alike. */
import * as tf from '@tensorflow/tfjs';

export interface Timing {
  /** Milliseconds: median, fastest and slowest of the counted runs. */
  median: number;
  min: number;
  max: number;
}

/** One of the things to compare: what to set up before each run, uncounted, and what to time. */
export interface Alternative {
  prepare: () => Promise<unknown>;
  run: () => tf.Tensor | tf.Tensor[];
}

/** Runs each alternative once uncounted and `repeats` times counted; a run ends when its result can be read. */
export async function interleaved<Name extends string>(
  alternatives: Record<Name, Alternative>,
  repeats: number,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(alternatives) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let i = -1; i < repeats; i++) {
    for (const name of names) {
      await alternatives[name].prepare();
      const start = performance.now();
      const result = tf.tidy(alternatives[name].run);
      await (Array.isArray(result) ? result[0] : result).data();
      if (i >= 0) times[name].push(performance.now() - start);
      tf.dispose(result);
    }
  }
  const timing = (values: number[]): Timing => {
    const sorted = values.toSorted((a, b) => a - b);
    return {median: sorted[sorted.length >> 1], min: sorted[0], max: sorted[sorted.length - 1]};
  };
  return Object.fromEntries(names.map((name) => [name, timing(times[name])])) as Record<Name, Timing>;
}
