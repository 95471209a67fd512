/**
 * What the portable bundle runs on a GPU host: every case of the operations, and products in tiles of all sizes and on matrix
 * units, against the float64 references, then the benchmark. `node gpu_host.mjs check` or `node gpu_host.mjs bench [options of npm run bench]`. See bundle.mjs.
 */
import * as tf from '@tensorflow/tfjs';
import {create, globals} from 'webgpu';
import {findMatrixUnits, matrixUnits} from '../kernels/webgpu/runtime/matrix_units.js';
import {operationCases} from '../test/kernels/operations/cases.js';
import {checkOperation, GPU_TOLERANCE} from '../test/kernels/operations/check.js';
import {checkProduct, toF16} from '../test/kernels/webgpu/primitives/check_product.js';

/** m, k, n: large, middle and small tiles, and what is no whole number of them. */
const PRODUCTS = [
  [2100, 20, 2040],
  [2100, 37, 500],
  [1030, 50, 530],
  [200, 96, 100],
  [5, 3, 7],
] as const;

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
  const {device} = tf.backend() as unknown as {device: GPUDevice};
  // The tests have a copy of the kernels of their own in the bundle.
  await findMatrixUnits(device, ((await gpu.requestAdapter()) as GPUAdapter).info);
  const units = matrixUnits(device) !== undefined;
  const checks: [string, () => Promise<void>][] = operationCases.map((one) => [
    one.name,
    () => checkOperation(one, GPU_TOLERANCE),
  ]);
  for (const sizes of PRODUCTS) {
    checks.push([`product ${sizes.join('x')}`, () => checkProduct(sizes)]);
    if (!units) continue;
    const f16 = (more: object) => () => checkProduct(sizes, {...more, f16Factors: true}, toF16);
    checks.push([`product ${sizes.join('x')} on matrix units`, f16({})]);
    checks.push([`its gradient on the left`, f16({layoutB: 'columns', gradient: 'a'})]);
  }
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await check();
    } catch (error) {
      failed++;
      console.log(`FAILED ${name}: ${(error as Error).message}`);
    }
  }
  const skipped = units ? 0 : 2 * PRODUCTS.length;
  if (skipped > 0) console.log('skipped: the device has no matrix units that can be used');
  console.log(`${checks.length - failed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed > 0 ? 1 : 0);
} else if (process.argv[2] === 'bench') {
  process.argv.splice(2, 1, '--backend', 'webgpu');
  await import('./main.js');
  process.exit(0);
} else {
  throw new Error(`gpu_host: the first argument must be check or bench; got ${process.argv[2]}`);
}
