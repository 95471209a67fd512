/** Runs a module in a Node of its own, for what depends on the state of a process: nothing loaded, no driver, its end. */

import {spawnSync} from 'node:child_process';

/** The address of a file of this repository, for an `import` in the module. */
export const url = (path: string) => new URL(`../../${path}`, import.meta.url).href;

/** Packages by name, and the code that stands in for each; null where it is to be missing. */
type Packages = Readonly<Record<string, string | null>>;

/** TensorFlow's native library is not there, whatever this machine has installed. */
export const withoutNativeTensorFlow: Packages = {
  '@tensorflow/tfjs-node-gpu': null,
  '@tensorflow/tfjs-node': null,
};

/** An address of this code, for `import`. */
const moduleOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** Code after which `import` finds these packages as they are here, and no others of their names. */
function replacePackages(packages: Packages): string {
  const stands = Object.entries(packages).map(([name, code]) => [
    name,
    code === null ? null : moduleOf(code),
  ]);
  const hooks = moduleOf(`
    const stands = new Map(${JSON.stringify(stands)});
    export function resolve(name, context, next) {
      const stand = stands.get(name);
      if (stand) return {url: stand, format: 'module', shortCircuit: true};
      if (stand === null) {
        throw Object.assign(new Error("Cannot find package '" + name + "'"), {code: 'ERR_MODULE_NOT_FOUND'});
      }
      // Code that stands in imports what this repository does.
      const from = context.parentURL?.startsWith('data:') ? ${JSON.stringify(url('package.json'))} : context.parentURL;
      return next(name, {...context, parentURL: from});
    }`);
  return `(await import('node:module')).register(${JSON.stringify(hooks)});`;
}

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

/**
 * Runs a module that has `tell`, `setupBackend`, `backendReport` and, for the message of a rejection, `failure`.
 *
 * @param env the environment of the process.
 * @param packages what it finds in the place of installed packages.
 */
export function inFreshProcess(
  code: string,
  env: NodeJS.ProcessEnv = process.env,
  packages: Packages = {},
): Outcome {
  const module = replacePackages(packages) + preamble + code;
  const {status, signal, stdout, stderr} = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', module],
    {
      encoding: 'utf8',
      env,
      // Ends one that hangs, which no limit of mocha can while this waits. It takes seconds where nothing else runs.
      timeout: 600_000,
      killSignal: 'SIGKILL',
    },
  );
  const told = stdout.split('\n').filter((line) => line.startsWith('#'));
  return {ended: signal === null, status, stderr, told: told.map((line) => JSON.parse(line.slice(1)))};
}
