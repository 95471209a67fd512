/** Starts the worker that computes, and tells in the footer what runs where, and why not elsewhere. */
import {type ComputeWorker, type OpenWorkerOptions, openWorker} from 'tfjs-swint/worker';
import {element, make} from './page.js';

/** What the field "Compute on" offers: options of `openWorker`. */
const CHOICES = {
  '': {},
  webgpu: {backend: 'webgpu'},
  wasm: {backend: 'wasm'},
  'wasm-1': {backend: 'wasm', threads: 1},
} as const satisfies Record<string, OpenWorkerOptions>;

/** The choice in the page's address, `?backend=wasm-1`; the best there is where it names none. */
function chosen(): keyof typeof CHOICES {
  const name = new URLSearchParams(location.search).get('backend') ?? '';
  return Object.hasOwn(CHOICES, name) ? (name as keyof typeof CHOICES) : '';
}

/**
 * Starts it. Another choice loads the page anew.
 *
 * @throws BackendError where the worker or its backend does not start.
 */
export async function startComputing(): Promise<ComputeWorker> {
  const select = element('backend', HTMLSelectElement);
  select.value = chosen();
  select.addEventListener('change', () => {
    const address = new URL(location.href);
    address.searchParams.set('backend', select.value);
    location.assign(address);
  });
  const script = new Worker(new URL('./compute_worker.ts', import.meta.url), {type: 'module'});
  const worker = await openWorker({...CHOICES[chosen()], worker: script});
  showReport(worker.backend);
  return worker;
}

const NAMES: Readonly<Record<string, string>> = {
  webgpu: 'WebGPU',
  wasm: 'WebAssembly',
  webgl: 'WebGL',
  cpu: 'JavaScript',
};

type Report = ComputeWorker['backend'];

function showReport(report: Report): void {
  const {backend, device, software, threads, threadsReason, gpu, skipped} = report;
  const rows: [string, string][] = [
    ['Backend', `${NAMES[backend] ?? backend}, in a worker: the page itself stays free`],
    ['Device', software ? `${device} (a GPU driver that computes on the CPU)` : device],
    ['Threads', threadsReason ? `${threads}, not more because ${threadsReason}` : String(threads)],
    ['GPU', gpu ? `used; larger limits and features: ${JSON.stringify(gpu)}` : whyNoGpu(report)],
    [
      'Isolation',
      crossOriginIsolated
        ? 'the page is cross-origin isolated, so that threads can share memory'
        : 'the page is not cross-origin isolated: its server sends no COOP and COEP headers, so there is one thread',
    ],
    ...skipped
      .filter((one) => one.backend !== 'tensorflow' && one.backend !== 'webgpu')
      .map(({backend: name, reason}): [string, string] => [`Not ${NAMES[name] ?? name}`, reason]),
  ];
  element('computing', HTMLDListElement).replaceChildren(
    ...rows.flatMap(([term, text]) => [make('dt', {}, term), make('dd', {}, text)]),
  );
}

function whyNoGpu({backend, skipped}: Report): string {
  if (backend === 'webgl') return 'used by WebGL';
  const reason = skipped.find((one) => one.backend === 'webgpu')?.reason;
  return `not used: ${reason ?? 'another backend was asked for'}`;
}
