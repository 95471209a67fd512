/**
 * The processes that a run of the tests started, however deep and however they were detached.
 *
 * They are told by a mark in their environment, which children inherit; and because Chromium writes over the
 * environment of its own children, by the process group of one that had the mark. Read from /proc, so on Linux;
 * elsewhere nothing is found and only what the tests themselves close is closed.
 */

import {readdirSync, readFileSync} from 'node:fs';

/** The variable that holds the marks of this run and of those it runs in, separated by spaces. */
export const MARKS = 'SWINT_TEST_RUNS';

/** What /proc tells of a process, or undefined once it has ended. */
function describe(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may hold anything; state, parent and process group follow.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    const marks = environment.find((entry) => entry.startsWith(`${MARKS}=`)) ?? '';
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return {pid, group: Number(group), marks: marks.slice(MARKS.length + 1).split(' '), command};
  } catch {
    return undefined; // It ended meanwhile, or is another user's.
  }
}

export class RunProcesses {
  #groups = new Set();

  /** @param mark a word that no other run has; `MARKS` holds it in the environment of the run's first process. */
  constructor(mark) {
    this.mark = mark;
  }

  /** Those alive: `{pid, command}`. Called now and then, it also knows the groups of processes that have ended since. */
  alive() {
    if (process.platform !== 'linux') return [];
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const all = pids.map((pid) => describe(Number(pid))).filter((found) => found !== undefined);
    const own = all.find(({pid}) => pid === process.pid)?.group;
    for (const {group, marks} of all) {
      if (marks.includes(this.mark) && group !== own) this.#groups.add(group);
    }
    return all.filter(({marks, group}) => marks.includes(this.mark) || this.#groups.has(group));
  }

  /** Ends all of them at once. */
  kill() {
    for (const {pid} of this.alive()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
  }
}
