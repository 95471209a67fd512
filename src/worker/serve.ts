/**
 * The worker's side of calls: runs methods one after the other, in the order in which they came.
 *
 * Questions to a model (predictions, evaluations, saving) need not wait for a training that is running: they come in between
 * its steps, one at a time.
 */
import {buffersIn, type CallbackMark, type FromWorker, isPlainObject, type ToWorker} from './protocol.js';
import {receivedError, type SentError, sentError} from './sent_error.js';

/** Where messages come from and go to: the scope of a worker, or the port of Node's. */
export interface Port {
  post(message: FromWorker, transfer: Transferable[]): void;
  listen(onMessage: (message: ToWorker) => void): void;
}

/** How a method may run beside others: `training` lets questions in, `question` may come in, `alone` neither. */
export type MethodKind = 'training' | 'question' | 'alone';

export interface Method {
  kind: MethodKind;
  /** @returns what is sent to the page; its buffers are handed over, so nobody else may use them. */
  // biome-ignore lint/suspicious/noExplicitAny: each method takes other arguments.
  run(signal: AbortSignal, ...args: any[]): Promise<unknown>;
}

interface Call {
  id: number;
  method: string;
  args: unknown[];
  controller: AbortController;
}

/** Asked functions of the page that have not answered yet. */
type Asked = Map<number, {resolve(value: unknown): void; reject(error: Error): void}>;

class Server {
  private readonly queue: Call[] = [];
  private readonly running = new Set<Call>();
  private readonly asked: Asked = new Map();
  private lastAsk = 0;

  constructor(
    private readonly port: Port,
    private readonly methods: Readonly<Record<string, Method>>,
  ) {}

  receive(message: ToWorker): void {
    switch (message?.swint) {
      case 'hello':
        this.port.post({swint: 'ready'}, []);
        break;
      case 'call': {
        const {id, method, args} = message;
        this.queue.push({id, method, args, controller: new AbortController()});
        this.startNext();
        break;
      }
      case 'abort':
        this.abort(message.id, message.error);
        break;
      case 'answer':
        this.takeAsked(message.id)?.resolve(message.value);
        break;
      case 'refusal':
        this.takeAsked(message.id)?.reject(receivedError(message.error));
    }
  }

  private takeAsked(id: number) {
    const ask = this.asked.get(id);
    this.asked.delete(id);
    return ask;
  }

  private abort(id: number, error: SentError): void {
    const waiting = this.queue.findIndex((call) => call.id === id);
    if (waiting >= 0) {
      this.queue.splice(waiting, 1);
      this.port.post({swint: 'failure', id, error}, []);
      this.startNext(); // Those behind it may have waited for it alone.
      return;
    }
    const running = [...this.running].find((call) => call.id === id);
    running?.controller.abort(receivedError(error));
  }

  private startNext(): void {
    while (this.queue.length > 0 && this.mayStart(this.queue[0]!)) void this.run(this.queue.shift()!);
  }

  private mayStart({method}: Call): boolean {
    if (this.running.size === 0) return true;
    const kinds = [...this.running].map((call) => this.methods[call.method]?.kind);
    return this.methods[method]?.kind === 'question' && kinds.every((kind) => kind === 'training');
  }

  private async run(call: Call): Promise<void> {
    this.running.add(call);
    const {id, method, controller} = call;
    try {
      const known = this.methods[method];
      if (!known)
        throw new TypeError(`the worker must be of the same version as the page; it has no ${method}.`);
      const value = await known.run(controller.signal, ...this.withCallbacks(call));
      this.port.post({swint: 'result', id, value}, buffersIn(value));
    } catch (error) {
      this.port.post({swint: 'failure', id, error: sentError(error)}, []);
    } finally {
      this.running.delete(call);
      this.startNext();
    }
  }

  /** The arguments, with functions that ask the page in the place of marks. */
  private withCallbacks({id, args}: Call): unknown[] {
    const restore = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(restore);
      if (!isPlainObject(value)) return value;
      if (isMark(value)) {
        return (...given: unknown[]) => this.ask(id, value.swintCallback, given);
      }
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, restore(one)]));
    };
    return args.map(restore);
  }

  private ask(call: number, callback: number, args: unknown[]): Promise<unknown> {
    const id = ++this.lastAsk;
    const answer = new Promise((resolve, reject) => {
      this.asked.set(id, {resolve, reject});
    });
    // Who is only told something does not wait; if the page throws, it ends the call.
    answer.catch(() => undefined);
    this.port.post({swint: 'ask', id, call, callback, args}, []);
    return answer;
  }
}

const isMark = (value: Record<string, unknown>): value is Record<string, unknown> & CallbackMark =>
  typeof value.swintCallback === 'number' && Object.keys(value).length === 1;

/** Answers the calls of a page from now on. */
export function serve(port: Port, methods: Readonly<Record<string, Method>>): void {
  const server = new Server(port, methods);
  port.listen((message) => server.receive(message));
  port.post({swint: 'ready'}, []);
}
