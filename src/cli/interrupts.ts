/** Ctrl-C, and what a machine sends that shuts down or ends a job: the first one ends the work in order, a second at once. */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
type Signal = (typeof SIGNALS)[number];

/** Exit code of a program ended by a signal, by convention 128 + its number. */
const EXIT_CODES: Readonly<Record<Signal, number>> = {SIGINT: 130, SIGTERM: 143};

/**
 * Runs `work` with a signal that aborts when one comes.
 *
 * @param told Called at the first one.
 * @returns the exit code of the program, 0 where none came.
 */
export async function untilInterrupted(
  work: (signal: AbortSignal) => Promise<void>,
  told: () => void,
): Promise<number> {
  const controller = new AbortController();
  let exitCode = 0;
  const interrupt = (signal: Signal) => {
    if (controller.signal.aborted) process.exit(EXIT_CODES[signal]);
    exitCode = EXIT_CODES[signal];
    told();
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    await work(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
  return exitCode;
}
