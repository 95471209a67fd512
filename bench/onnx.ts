/**
 * onnxruntime-web as a peer: a whole Swin-T at 224x224 from an ONNX file, against the body of Swin-T (its block pairs,
 * 96 % of its arithmetic) here, with as many threads.
 *
 * onnxruntime-web sets its number of threads once per process, so it runs in child processes that are told when to run.
 * The package is not a dependency: `npm install --no-save onnxruntime-web`. torchvision's swin_t exports with opset 16.
 */
import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import {cpus} from 'node:os';
import {fileURLToPath} from 'node:url';
import {setupBackend} from 'tfjs-swint';
import {reading} from './alternatives.js';
import {bodyFlops, makeBody} from './pairs.js';
import {besidePeak} from './peak.js';
import type {Report} from './report.js';

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, 'message');
  return message;
}

/** A process with a session on `threads` threads. */
async function session(file: string, threads: number): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('onnx_session.ts', import.meta.url));
  const child = fork(program, [file, String(threads)], {execArgv: ['--import', 'tsx']});
  child.on('exit', (status) => {
    if (status) throw new Error('the onnxruntime-web process failed (npm install --no-save onnxruntime-web)');
  });
  await answer(child);
  return child;
}

export async function benchOnnx(file: string, repeats: number, report: Report): Promise<void> {
  report.title('Swin-T: the body here, the whole network in onnxruntime-web');
  const body = makeBody();
  const counts = {one: 1, all: cpus().length};
  for (const name of ['one', 'all'] as const) {
    const threads = counts[name];
    const child = await session(file, threads);
    const {times, peak} = await besidePeak(
      {
        ours: {prepare: () => setupBackend('wasm', {threads}), run: reading(body)},
        onnx: {
          run: async () => {
            child.send('run');
            const time = (await answer(child)) as number;
            // Its threads go on spinning for a while.
            await new Promise((resolve) => setTimeout(resolve, 300));
            return time;
          },
        },
      },
      repeats,
    );
    child.disconnect();
    report.add({
      what: `Swin-T body, ${threads} thread(s)`,
      times: {[name]: times.ours, onnx: times.onnx},
      peak,
      work: {amount: bodyFlops, unit: 'GFLOP/s'},
    });
  }
}
