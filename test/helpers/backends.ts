/**
 * Runs a suite once per tfjs backend: `eachBackend((backend) => { it(...) })`.
 *
 * A backend that this machine lacks is a skipped suite whose reason is printed; with CI=true it is a failure, because
 * there every one of them has to be present, unless the run is quick; all but tensorflow, which may be missing (see
 * kernels/tensorflow/setup.sh) but not broken. WebGPU runs on the npm package `webgpu` (Dawn) and whatever Vulkan driver
 * the process was started with: `npm test` gives it SwiftShader.
 *
 * On wasm the library's kernels run on two threads (one in a quick run, which has a process for each core) and a shared
 * heap, as `setupBackend` sets it up; tfjs's own kernels are in place.
 *
 * Results are read with `await tensor.data()`: the webgpu backend has no `dataSync` in Node.
 */

import * as tf from '@tensorflow/tfjs';
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {isBroken} from '../../kernels/wasm/runtime/guarded_module.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {isMissing} from '../../src/backends/optional_package.js';
import {registerBackend} from '../../src/backends/register_backend.js';
import {withHeap} from '../../src/backends/shared_heap.js';
import {registerWebGPU} from '../../src/backends/webgpu.js';

/** The backends that tests run on, in order. */
const testBackends = ['cpu', 'wasm', 'webgpu', 'tensorflow'] as const;
export type TestBackend = (typeof testBackends)[number];

/** What each backend's package does to be usable; throws with the reason where it cannot be. */
const load: Record<TestBackend, () => Promise<unknown>> = {
  cpu: async () => undefined, // Part of @tensorflow/tfjs.
  wasm: loadWasm,
  webgpu: () => registerWebGPU(true), // On a device with all that the adapter has, as setupBackend opens it.
  tensorflow: () => registerBackend('tensorflow', true),
};

async function loadWasm(): Promise<void> {
  await import('@tensorflow/tfjs-backend-wasm');
  await withHeap(true, () => tf.setBackend('wasm'));
}

/** A stock kernel that a suite before this one tried may have been aborted, as some are by maps of no cells. */
async function mendWasm(): Promise<void> {
  const made = tf.engine().registry.wasm as BackendWasm | undefined;
  if (!made || !isBroken(made)) return;
  await registerBackend('wasm', true);
  await loadWasm();
}

/** Those that may be missing in CI, and are. */
const missing = new Set<TestBackend>();

const ready = new Map<TestBackend, Promise<string | undefined>>();

/**
 * Loads a backend and makes it run one operation, once per process.
 *
 * @returns why it cannot be used, or undefined when it can. It is not left active.
 */
export function whyUnavailable(backend: TestBackend): Promise<string | undefined> {
  let reason = ready.get(backend);
  if (!reason) {
    reason = prepare(backend);
    ready.set(backend, reason);
  }
  return reason;
}

/** What `npm run test:quick` runs on. */
const quickBackends: readonly TestBackend[] = ['cpu', 'wasm'];

async function prepare(backend: TestBackend): Promise<string | undefined> {
  if (process.env.SWINT_TEST_QUICK && !quickBackends.includes(backend)) {
    return 'npm run test:quick leaves it out';
  }
  try {
    await load[backend]();
    if (!(await tf.setBackend(backend))) {
      return `tf.setBackend('${backend}') returned false`;
    }
    const two = tf.tidy(() => tf.add(tf.tensor1d([1]), 1));
    const [value] = await two.data();
    two.dispose();
    return value === 2 ? undefined : `1 + 1 gives ${value} on it`;
  } catch (error) {
    if (backend === 'tensorflow' && isMissing(error as Error)) missing.add(backend);
    return error instanceof Error ? error.message : String(error);
  } finally {
    await tf.setBackend('cpu');
  }
}

/**
 * Describes `body` once per backend, with that backend active in its hooks and tests, and cpu active again after.
 *
 * @param body defines tests; called as mocha collects them, so no tensor can be made in it outside hooks and tests.
 * @param options.only the backends to run on; default all of `testBackends`.
 */
export function eachBackend(
  body: (backend: TestBackend) => void,
  {only = testBackends}: {only?: readonly TestBackend[]} = {},
): void {
  for (const backend of only) {
    describe(`on ${backend}`, () => {
      before(async function () {
        const reason = await whyUnavailable(backend);
        if (reason === undefined) {
          if (backend === 'wasm') await mendWasm();
          await tf.setBackend(backend);
          await tf.ready();
          setThreads(process.env.SWINT_TEST_QUICK ? 1 : 2);
          return;
        }
        if (process.env.CI === 'true' && !process.env.SWINT_TEST_QUICK && !missing.has(backend)) {
          throw new Error(`eachBackend: every backend must be present in CI; ${backend} is not: ${reason}.`);
        }
        console.log(`      skipped on ${backend}: ${reason}`);
        this.skip();
      });
      after(() => tf.setBackend('cpu'));
      body(backend);
    });
  }
}
