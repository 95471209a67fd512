/**
 * The worker threads of the kernels: worker_threads in Node, workers in a browser. Each lives in `serve` of
 * assembly/threads.ts and is spoken to through the control block alone.
 *
 * They start when a kernel first had work for more than one thread, work as soon as they are up, and keep no process
 * alive. What fails in one is an error of the call that waits for it, or of the next one.
 */
import {BackendError} from '../../common/errors.js';

/** Of the control block, in 32-bit words; see assembly/ground/control_block.ts. */
const FAILED = 4;
export const THREADS = 8;
const WANTED = 11;
const WORDS = 16;

/** What is used of a worker, Node's or the browser's. */
interface Thread {
  terminate(): unknown;
}

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Runs in a worker, in either world, once it has been told what to run. */
const life = `({module, memory, control, thread}) => {
  const never = () => { throw new Error('only the calling thread allocates'); };
  const env = {memory, malloc: never, free: never, now: () => performance.now()};
  try {
    const {attach, serve} = new WebAssembly.Instance(module, {env}).exports;
    attach(control, thread);
    serve();
  } catch (error) {
    Atomics.store(new Int32Array(memory.buffer, control, ${WORDS}), ${FAILED}, 1);
    throw error;
  }
}`;

/** Milliseconds after which a browser's worker that was told to end has done so; nothing tells. */
const BROWSER_END = 1000;

let cores: number | undefined;

/** Processor cores, as far as the platform tells. */
export function coreCount(): number {
  cores ??= isNode
    ? process.getBuiltinModule('node:os').availableParallelism()
    : (globalThis.navigator?.hardwareConcurrency ?? 1);
  return cores;
}

let asked: number | undefined;

/** Sets how many threads kernels run on where the heap can be shared; undefined is all cores. */
export function setThreads(threads: number | undefined): void {
  asked = threads;
}

/** The number of threads asked for. */
export function wantedThreads(): number {
  return asked ?? coreCount();
}

/** What a message about workers says to do. */
export const WITHOUT_WORKERS = `the next call starts new ones; setupBackend('wasm', {threads: 1}) needs none`;

/** Pools whose workers have been told to end and may not have yet. */
const ending = new Set<Promise<void>>();

/** Resolves when no worker runs any more of those that have been told to end. */
export async function workersEnded(): Promise<void> {
  await Promise.all(ending);
}

export class WorkerPool {
  private readonly workers: Thread[] = [];
  private readonly words: Int32Array;
  private ended = false;
  /** Why a worker could not start or ended, if one did. */
  failure: BackendError | undefined;

  /**
   * For `capacity` threads, the calling one among them. Starts nothing yet.
   *
   * @param memory shared, so that a view of it is good for ever.
   * @param control the address of the control block.
   */
  constructor(
    private readonly module: WebAssembly.Module,
    private readonly memory: WebAssembly.Memory,
    private readonly control: number,
    private readonly capacity: number,
  ) {
    this.words = new Int32Array(memory.buffer, control, WORDS);
  }

  /** Goes on with `threads` threads, which may be one while the workers sleep. False where that takes another pool. */
  use(threads: number): boolean {
    if (threads !== 1 && threads !== this.capacity) return false;
    this.words[THREADS] = threads;
    return true;
  }

  /** Starts the workers if a kernel has had a use for them. */
  startIfWanted(): void {
    if (this.words[WANTED] === 0 || this.workers.length > 0 || this.failure) return;
    const {module, memory, control} = this;
    for (let thread = 1; thread < this.capacity; thread++) {
      try {
        this.workers.push(this.start({module, memory, control, thread}));
      } catch (error) {
        this.fail(error); // A platform that allows none, such as Node with --permission.
        return;
      }
    }
  }

  private start(data: object): Thread {
    if (isNode) {
      const {Worker} = process.getBuiltinModule('node:worker_threads');
      const code = `(${life})(require('node:worker_threads').workerData)`;
      // Without the flags of the process, which may load files, open ports or wait for a debugger: they come by
      // execArgv and, inside env, by NODE_OPTIONS.
      const worker = new Worker(code, {eval: true, workerData: data, execArgv: [], env: {}, name: 'swint'});
      worker.on('error', (error) => this.fail(error));
      worker.on('exit', (status) => this.fail(`exit status ${status}`));
      worker.unref();
      return worker;
    }
    const worker = new Worker(lifeInBrowser(), {name: 'swint'});
    worker.onerror = (event) =>
      this.fail(event.message || 'it did not start (a Content-Security-Policy needs worker-src blob:)');
    worker.postMessage(data);
    return worker;
  }

  private fail(reason: unknown): void {
    if (this.ended || this.failure) return;
    const why = reason instanceof Error ? reason.message : String(reason);
    this.failure = new BackendError(
      `wasm: the worker threads must start and stay alive; one did not: ${why} (${WITHOUT_WORKERS}).`,
      {cause: reason},
    );
  }

  /** Whether a worker failed, or stayed away for too long, during the last kernel. */
  hasFailed(): boolean {
    return Atomics.load(this.words, FAILED) !== 0;
  }

  /** Ends the workers. Resolves when none of them runs any more. */
  terminate(): Promise<void> {
    this.ended = true;
    const end = this.endWorkers().finally(() => ending.delete(end));
    ending.add(end);
    return end;
  }

  private async endWorkers(): Promise<void> {
    if (this.workers.length === 0) return;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    if (!isNode) await new Promise((resolve) => setTimeout(resolve, BROWSER_END));
  }
}

const scriptAddress = (text: string) => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));

let address: string | undefined;

/** The address of what a browser's worker runs. */
function lifeInBrowser(): string {
  address ??= scriptAddress(`onmessage = ({data}) => (${life})(data)`);
  return address;
}

/** Whether a worker starts in this page, by starting one; a Content-Security-Policy may forbid it. */
export function workersStart(): Promise<boolean> {
  return new Promise((resolve) => {
    const script = scriptAddress('postMessage(0)');
    let worker: Worker | undefined;
    const end = (started: boolean) => {
      worker?.terminate();
      URL.revokeObjectURL(script);
      resolve(started);
    };
    try {
      worker = new Worker(script, {name: 'swint'});
      worker.onmessage = () => end(true);
      worker.onerror = (event) => {
        event.preventDefault(); // It is no error of the page.
        end(false);
      };
    } catch {
      end(false); // Some browsers tell so.
    }
  });
}
