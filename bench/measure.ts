/** Times alternatives in turn, A B C A B C ..., so that a drift of the machine's speed meets all of them alike. */

export interface Timing {
  /** Milliseconds: median, fastest and slowest of the counted runs. */
  median: number;
  min: number;
  max: number;
}

/** One of the things to compare. */
export interface Alternative {
  /** What to set up before each run, uncounted. */
  prepare?: () => Promise<unknown>;
  /** What to time, from its start until its result can be read; returns milliseconds where it measures itself. */
  run: () => Promise<number | undefined>;
}

/** Runs each alternative twice uncounted (engines compile as they go) and `repeats` times counted. */
export async function interleaved<Name extends string>(
  alternatives: Record<Name, Alternative>,
  repeats: number,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(alternatives) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let i = -2; i < repeats; i++) {
    for (const name of names) {
      const {prepare, run} = alternatives[name];
      await prepare?.();
      const start = performance.now();
      const measured = await run();
      const time = measured ?? performance.now() - start;
      if (i >= 0) times[name].push(time);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timing(times[name])])) as Record<Name, Timing>;
}

function timing(values: number[]): Timing {
  const sorted = values.toSorted((a, b) => a - b);
  return {median: sorted[sorted.length >> 1], min: sorted[0], max: sorted[sorted.length - 1]};
}
