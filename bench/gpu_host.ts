/**
 * What the portable bundle runs on a GPU host: every case of the operations against the float64 references, then the
 * benchmark. `node gpu_host.mjs check` or `node gpu_host.mjs bench [options of npm run bench]`. See bundle.mjs.
 */
import {create, globals} from 'webgpu';
import {operationCases} from '../test/kernels/operations/cases.js';
import {checkOperation, GPU_TOLERANCE} from '../test/kernels/operations/check.js';

Object.assign(globalThis, globals);
const gpu = create([
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
  'disable-dawn-features=timestamp_quantization',
]);
Object.defineProperty(globalThis, 'navigator', {value: {gpu}, configurable: true, writable: true});
await import('@tensorflow/tfjs-backend-webgpu');
const {backendReport, kernelsInUse, setupBackend} = await import('tfjs-swint');

if (process.argv[2] === 'check') {
  await setupBackend('webgpu');
  console.log(JSON.stringify({report: backendReport(), kernels: kernelsInUse()}));
  let failed = 0;
  for (const one of operationCases) {
    try {
      await checkOperation(one, GPU_TOLERANCE);
    } catch (error) {
      failed++;
      console.log(`FAILED ${one.name}: ${(error as Error).message}`);
    }
  }
  console.log(`${operationCases.length - failed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed > 0 ? 1 : 0);
} else if (process.argv[2] === 'bench') {
  process.argv.splice(2, 1, '--backend', 'webgpu');
  await import('./main.js');
  process.exit(0);
} else {
  throw new Error(`gpu_host: the first argument must be check or bench; got ${process.argv[2]}`);
}
