/**
 * Mocha's spec reporter, which also writes each result to the file that SWINT_TEST_TALLY names as it comes in:
 * one letter per test (p passed, f failed, s skipped) and a final `.` when the run reached its end.
 *
 * A file and not the exit status: when the process is killed by a driver's crash, what had run is still known.
 */

import {appendFileSync} from 'node:fs';
import Mocha from 'mocha';

export default class TallyReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const path = process.env.SWINT_TEST_TALLY;
    if (!path) {
      throw new Error(
        'TallyReporter: SWINT_TEST_TALLY must name a file; it is not set (run node test/run.mjs).',
      );
    }
    const write = (letter: string) => () => appendFileSync(path, letter);
    const {EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END} = Mocha.Runner.constants;
    runner.on(EVENT_TEST_PASS, write('p'));
    runner.on(EVENT_TEST_FAIL, write('f'));
    runner.on(EVENT_TEST_PENDING, write('s'));
    runner.on(EVENT_RUN_END, write('.'));
  }
}
