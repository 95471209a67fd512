/**
 * The script of a worker in a browser, which computes on wasm; importing it makes the worker answer the page that opened it.
 *
 * A worker of one's own imports first what else it is to have, backends and layers, and then this:
 *
 *     import '@tensorflow/tfjs-backend-webgpu';
 *     import 'tfjs-swint/worker/main';
 */
import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import '../index.js';
import {browserLibrary} from './library.js';
import {methodsOf} from './methods.js';
import {serve} from './serve.js';

/** The scope of a worker, as far as it is used. */
interface Scope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

const scope = globalThis as unknown as Scope;

serve(
  {
    post: (message, transfer) => scope.postMessage(message, transfer),
    listen: (onMessage) => scope.addEventListener('message', ({data}) => onMessage(data)),
  },
  methodsOf({...browserLibrary, setWasmPaths}),
);
