/**
 * The worker threads of the kernels: worker_threads in Node, workers in a browser. Each lives in `serve` of
 * assembly/threads.ts and is spoken to through the control block alone.
 *
 * They start when a kernel first had work for more than one thread, work as soon as they are up, and keep no process
 * alive. What fails in one is an error of the call that waits for it, or of the next one.
 */
import {BackendError} from '../errors.js';

/** Of the control block, in 32-bit words; see assembly/threads.ts. */
const FAILED = 4;
const THREADS = 8;
const WANTED = 11;

/** What is used of a worker, Node's or the browser's. */
interface Thread {
  terminate(): unknown;
}

interface NodeWorker extends Thread {
  unref(): void;
  on(event: 'error' | 'exit', listener: (value: unknown) => void): void;
}

interface NodeThreads {
  Worker: new (code: string, options: object) => NodeWorker;
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
    Atomics.store(new Int32Array(memory.buffer, control, 16), ${FAILED}, 1);
    throw error;
  }
}`;

/** Processor cores, as far as the platform tells. */
function coreCount(): number {
  if (isNode) {
    const os = process.getBuiltinModule('node:os');
    return os.availableParallelism();
  }
  return globalThis.navigator?.hardwareConcurrency ?? 1;
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

export class WorkerPool {
  private workers: Thread[] = [];
  private failure: BackendError | undefined;
  private ended = false;
  private readonly words: Int32Array;

  /** For `capacity` threads, the calling one among them. Starts nothing yet. */
  constructor(
    private readonly module: WebAssembly.Module,
    private readonly memory: WebAssembly.Memory,
    private readonly control: number,
    private readonly capacity: number,
  ) {
    this.words = new Int32Array(memory.buffer, control, 16);
    this.words[THREADS] = capacity;
  }

  /** Threads at work. */
  get threads(): number {
    return this.words[THREADS];
  }

  /** Goes on with `threads` threads, which may be one while the workers sleep. False where that takes another pool. */
  use(threads: number): boolean {
    if (threads !== 1 && threads !== this.capacity) return false;
    this.words[THREADS] = threads;
    return true;
  }

  /** Starts the workers if a kernel has had a use for them. */
  startIfWanted(): void {
    if (this.threads < 2 || this.workers.length > 0 || this.words[WANTED] === 0) return;
    for (let thread = 1; thread < this.capacity; thread++) {
      const {module, memory, control} = this;
      this.workers.push(this.start({module, memory, control, thread}));
    }
  }

  private start(data: object): Thread {
    const fail = (reason: unknown) => {
      if (this.ended || this.failure) return;
      const why = reason instanceof Error ? reason.message : String(reason);
      this.failure = new BackendError(
        `wasm: the worker threads must stay alive; one ended: ${why} (the next call starts new ones).`,
        {cause: reason},
      );
    };
    if (isNode) {
      const {Worker} = process.getBuiltinModule('node:worker_threads') as unknown as NodeThreads;
      const code = `(${life})(require('node:worker_threads').workerData)`;
      const worker = new Worker(code, {eval: true, workerData: data, execArgv: [], name: 'swint'});
      worker.on('error', fail);
      worker.on('exit', (status) => fail(`exit ${status}`));
      worker.unref();
      return worker;
    }
    const code = new Blob([`onmessage = ({data}) => (${life})(data)`], {type: 'text/javascript'});
    const address = URL.createObjectURL(code);
    const worker = new Worker(address, {name: 'swint'});
    worker.onerror = (event) => fail(event.message);
    worker.postMessage(data);
    return worker;
  }

  /** Whether a worker failed, or stayed away for too long, during the last kernel. */
  failed(): boolean {
    return Atomics.load(this.words, FAILED) !== 0;
  }

  /** What became of the workers between two kernels, if it was bad. */
  takeFailure(): BackendError | undefined {
    return this.failure;
  }

  terminate(): void {
    this.ended = true;
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
  }
}
