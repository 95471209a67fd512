/**
 * Mocha's spec reporter, which also writes what happens to the file that SWINT_TEST_TALLY names as it comes in, one JSON
 * array per line:
 *
 *     ["begin", TITLE]          a test or a hook begins
 *     ["passed", MS, FILE]      a test passed; likewise "failed" (a test or a hook) and "skipped"
 *     ["end"]                   the run reached its end
 *     ["open", [KIND, ...]]     the process is still there a second later, because these are open
 *
 * A file and not the exit status: when the process is killed by a driver's crash or hangs, what had run is still known.
 */

import {appendFileSync} from 'node:fs';
import {relative} from 'node:path';
import Mocha from 'mocha';

/** Milliseconds after the end of the run in which a process that has closed everything has ended. */
const ENDING = 1000;

export default class TallyReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const path = process.env.SWINT_TEST_TALLY;
    if (!path) {
      throw new Error(
        'TallyReporter: SWINT_TEST_TALLY must name a file; it is not set (run node test/run.mjs).',
      );
    }
    const write = (...event: unknown[]) => appendFileSync(path, JSON.stringify(event) + '\n');
    const begin = (runnable: Mocha.Runnable) => write('begin', runnable.fullTitle());
    const outcome = (kind: string) => (runnable: Mocha.Runnable) =>
      write(kind, runnable.duration ?? 0, relative('', runnable.file ?? ''));
    const {constants} = Mocha.Runner;
    runner.on(constants.EVENT_TEST_BEGIN, begin);
    runner.on(constants.EVENT_HOOK_BEGIN, begin);
    runner.on(constants.EVENT_TEST_PASS, outcome('passed'));
    runner.on(constants.EVENT_TEST_FAIL, outcome('failed'));
    runner.on(constants.EVENT_TEST_PENDING, outcome('skipped'));
    runner.on(constants.EVENT_RUN_END, () => {
      write('end');
      // Keeps nothing alive itself, so it fires only where something else does.
      setTimeout(() => write('open', process.getActiveResourcesInfo()), ENDING).unref();
    });
  }
}
