/** Runs a module in a Node of its own, for what depends on the state of a process: nothing loaded, no driver, its end. */

import {spawnSync} from 'node:child_process';

/** The address of a file of this repository, for an `import` in the module. */
export const url = (path: string) => new URL(`../../${path}`, import.meta.url).href;

const preamble = `
  const tell = (value) => console.log('\\n#' + JSON.stringify(value));
  const {setupBackend} = await import(${JSON.stringify(url('src/backends/setup_backend.ts'))});
  const {backendReport} = await import(${JSON.stringify(url('src/backends/backend_report.ts'))});
  const failure = (promise) => promise.then(() => 'none', (error) => error.name + ': ' + error.message);
`;

/** What became of the process. */
interface Outcome {
  /** False when it had to be killed. */
  ended: boolean;
  status: number | null;
  stderr: string;
  /** What the module gave to `tell`, in order. */
  // biome-ignore lint/suspicious/noExplicitAny: values of any kind, compared by the tests.
  told: any[];
}

/** Runs a module that has `tell`, `setupBackend`, `backendReport` and, for the message of a rejection, `failure`. */
export function inFreshProcess(code: string, env: NodeJS.ProcessEnv = process.env): Outcome {
  const args = ['--import', 'tsx', '--input-type=module', '-e', preamble + code];
  const {status, signal, stdout, stderr} = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env,
    timeout: 120_000,
  });
  const told = stdout.split('\n').filter((line) => line.startsWith('#'));
  return {ended: signal === null, status, stderr, told: told.map((line) => JSON.parse(line.slice(1)))};
}
