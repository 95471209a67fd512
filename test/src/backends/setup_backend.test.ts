/**
 * setupBackend: the named and the automatic choice, what it says when it cannot, and that a failure changes nothing.
 *
 * What depends on the state of a fresh process (nothing registered, no driver, a browser) runs in a child process.
 */

import {availableParallelism} from 'node:os';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {backendReport} from '../../../src/backends/backend_report.js';
import {type SetupBackendOptions, setupBackend} from '../../../src/backends/setup_backend.js';
import {BackendError, ConfigError} from '../../../src/errors.js';
import {eachBackend, whyUnavailable} from '../../helpers/backends.js';
import {inFreshProcess, withoutNativeTensorFlow} from '../../helpers/fresh_process.js';

async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => new Error(`it returned ${String(value)}`),
    (error: Error) => ({error}),
  );
  if (outcome instanceof Error) {
    throw outcome;
  }
  return outcome.error;
}

describe('setupBackend', () => {
  afterEach(() => tf.setBackend('cpu'));

  eachBackend((name) => {
    it('activates it by name, twice over, and computes', async () => {
      await tf.setBackend('cpu');
      for (let call = 0; call < 2; call++) {
        expect(await setupBackend(name)).to.equal(name);
        expect(tf.getBackend()).to.equal(name);
      }
      const x = tf.tensor1d([1, 2, 3]);
      const y = tf.square(x);
      expect(Array.from(await y.data())).to.deep.equal([1, 4, 9]);
      tf.dispose([x, y]);
    });

    it('is named in the report', async () => {
      await setupBackend(name);
      const {backend, device, skipped} = backendReport();
      expect(backend).to.equal(name);
      expect(device).to.not.equal('');
      expect(skipped).to.deep.equal([]);
    });
  });

  it('reports what the application itself activated later', async () => {
    await setupBackend('wasm');
    await tf.setBackend('cpu');
    expect(backendReport().backend).to.equal('cpu');
  });

  it('says that webgl is for browsers', async () => {
    const error = await failure(setupBackend('webgl'));
    expect(error).to.be.instanceOf(BackendError);
    expect(error.message).to.contain('browser');
  });

  for (const kind of ['synchronous', 'asynchronous'] as const) {
    it(`keeps the active backend and passes on the cause when one fails to start (${kind})`, async () => {
      const cause = new Error('the driver said no');
      tf.registerBackend('webgl', () => {
        if (kind === 'synchronous') {
          throw cause;
        }
        return Promise.reject(cause);
      });
      const {warn} = console;
      console.warn = () => undefined; // tfjs prints the failure as well.
      try {
        await setupBackend('cpu');
        const error = await failure(setupBackend('webgl'));
        expect(error).to.be.instanceOf(BackendError);
        expect(error.message).to.contain('the driver said no');
        expect(error.cause).to.equal(cause);
        expect(tf.getBackend()).to.equal('cpu');
        expect(Array.from(tf.square(tf.tensor1d([3])).dataSync())).to.deep.equal([9]);
      } finally {
        console.warn = warn;
        tf.removeBackend('webgl');
      }
    });
  }

  it('takes a number of threads and reports it', async () => {
    await whyUnavailable('wasm'); // Starts it on a shared heap.
    for (const threads of [3, 1, 2]) {
      await setupBackend('wasm', {threads});
      const report = backendReport();
      expect(report).to.include({threads}).and.to.not.have.property('threadsReason');
      expect(report.device).to.contain(`${threads} thread(s)`);
      expect(report.simd).to.be.oneOf(['simd', 'relaxed-simd']);
    }
    await setupBackend('wasm');
    expect(backendReport())
      .to.include({threads: availableParallelism()})
      .and.to.not.have.property('threadsReason');
    await setupBackend('wasm', {threads: 2, kernels: 'tfjs'});
    expect(backendReport().threads).to.equal(1);
    expect(backendReport().threadsReason).to.contain("tfjs's own kernels");
    await setupBackend('cpu', {threads: 2});
    expect(backendReport().threads).to.equal(1);
    expect(backendReport().threadsReason).to.contain('wasm');
    await setupBackend('cpu');
    expect(backendReport()).to.include({threads: 1}).and.to.not.have.any.keys('threadsReason', 'simd');
  });

  for (const threads of [0, -1, 1.5, Number.NaN, '2', null]) {
    it(`refuses ${threads} (${typeof threads}) threads`, async () => {
      const error = await failure(setupBackend('cpu', {threads} as SetupBackendOptions));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.contain('a whole number from 1');
    });
  }

  it('refuses a name that no backend has', async () => {
    const error = await failure(setupBackend('cuda' as 'cpu'));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.contain('cuda').and.to.contain('webgpu');
  });
});

describe('setupBackend in a fresh process', () => {
  const withoutDriver = {...process.env, VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'};

  it('loads the packages itself', () => {
    const {told, ended, stderr} = inFreshProcess(`
      tell(await setupBackend('wasm'));
      tell(await setupBackend('cpu'));`);
    expect(told, stderr).to.deep.equal(['wasm', 'cpu']);
    expect(ended).to.equal(true);
  });

  it('leaves the process without a navigator.gpu when it chooses something else', () => {
    const {told, stderr} = inFreshProcess(
      `tell(await setupBackend()); tell(globalThis.navigator?.gpu === undefined);`,
      withoutDriver,
      withoutNativeTensorFlow,
    );
    expect(told, stderr).to.deep.equal(['wasm', true]);
  });

  it('says what to install when a named backend is missing, and keeps the active one', () => {
    const {told, stderr} = inFreshProcess(
      `
      const tf = (await import('@tensorflow/tfjs-core')).default;
      await setupBackend('wasm');
      tell(await failure(setupBackend('tensorflow')));
      tell(tf.getBackend());`,
      process.env,
      withoutNativeTensorFlow,
    );
    expect(told[0], stderr).to.match(/^BackendError: .*npm install @tensorflow\/tfjs-node/);
    expect(told[1]).to.equal('wasm');
  });

  describe('with packages that stand in for native TensorFlow', () => {
    /** A backend that computes as cpu does, with this code before each of its sums and these properties. */
    const standIn = (code: string, properties = '{}') => `
      import {copyRegisteredKernels, engine, findBackendFactory, getKernel, registerBackend, registerKernel, setBackend,
        unregisterKernel} from '@tensorflow/tfjs-core';
      import '@tensorflow/tfjs-backend-cpu';
      import util from 'node:util';
      copyRegisteredKernels('cpu', 'tensorflow');
      const add = getKernel('Add', 'tensorflow');
      unregisterKernel('Add', 'tensorflow');
      registerKernel({...add, kernelFunc: (given) => { ${code}; return add.kernelFunc(given); }});
      registerBackend('tensorflow', () => Object.assign(findBackendFactory('cpu')(), ${properties}), 3);
      setBackend('tensorflow');`;
    /** Node 23 and later. */
    const removed = `
      const util = process.getBuiltinModule('node:util');
      delete util.isNullOrUndefined;
      delete util.isArray;`;
    const fails = `throw new Error('no such device')`;
    const gpu = '{isGPUPackage: true, isUsingGpuDevice: true}';

    /** What the code tells where these packages are installed. */
    const tellWith = (packages: Record<string, string>, code: string) => {
      const {told, stderr} = inFreshProcess(
        `const tf = (await import('@tensorflow/tfjs-core')).default; ${code}`,
        withoutDriver,
        {...withoutNativeTensorFlow, ...packages},
      );
      return {told, stderr};
    };
    const choice = `tell(await setupBackend()); tell(backendReport().skipped);`;

    it('takes it by name', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn('')},
        `tell(await setupBackend('tensorflow')); tell(backendReport().backend);`,
      );
      expect(told, stderr).to.deep.equal(['tensorflow', 'tensorflow']);
    });

    it('puts back the functions that Node removed and the package calls', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn(`util.isNullOrUndefined(null) && util.isArray([]) || fail()`)},
        `${removed} tell(await setupBackend('tensorflow')); tell(tf.add(1, 2).dataSync()[0]);`,
      );
      expect(told, stderr).to.deep.equal(['tensorflow', 3]);
    });

    it('takes no backend that cannot compute, and keeps the active one', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn(fails)},
        `await setupBackend('wasm');
         tell(await failure(setupBackend('tensorflow')));
         tell(tf.getBackend());`,
      );
      expect(told[0], stderr).to.match(/^BackendError: tensorflow: .*must compute.*no such device/);
      expect(told[1]).to.equal('wasm');
    });

    it('takes wasm before it on the CPU, without a word', () => {
      const {told, stderr} = tellWith({'@tensorflow/tfjs-node': standIn('')}, choice);
      expect(told[0], stderr).to.equal('wasm');
      expect(stderr).to.not.contain('tensorflow is the best');
    });

    it('takes it on the CPU where wasm cannot be had', () => {
      const {told, stderr} = inFreshProcess(choice, withoutDriver, {
        ...withoutNativeTensorFlow,
        '@tensorflow/tfjs-node': standIn(''),
        '@tensorflow/tfjs-backend-wasm': null,
      });
      expect(told[0], stderr).to.equal('tensorflow');
      expect(told[1].map(({backend}: {backend: string}) => backend)).to.include('wasm');
    });

    it('takes it first with a GPU', () => {
      const {told, stderr} = tellWith({'@tensorflow/tfjs-node-gpu': standIn('', gpu)}, choice);
      expect(told, stderr).to.deep.equal(['tensorflow', []]);
    });

    it('warns where the package for GPUs found none, or computes nothing', () => {
      for (const [package_, words] of [
        [standIn('', '{isGPUPackage: true, isUsingGpuDevice: false}'), 'found no GPU'],
        [standIn(fails, gpu), 'no such device'],
      ]) {
        const {told, stderr} = tellWith(
          {'@tensorflow/tfjs-node-gpu': package_},
          `${choice} tell(tf.add(1, 2).dataSync()[0]);`,
        );
        expect(told[0], stderr).to.equal('wasm');
        expect(told[1][0].reason).to.contain(words);
        expect(told[2]).to.equal(3);
        expect(stderr).to.contain('setupBackend: tensorflow is the best backend').and.to.contain(words);
      }
    });

    it('leaves the choice to tfjs after a failure where none was active', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn(fails)},
        `await import('@tensorflow/tfjs-backend-cpu');
         tell(await failure(setupBackend('tensorflow')));
         tf.removeBackend('tensorflow');
         tell(tf.add(1, 2).dataSync()[0]);
         tell(tf.getBackend());`,
      );
      expect(told[0], stderr).to.contain('no such device');
      expect(told.slice(1), stderr).to.deep.equal([3, 'cpu']);
    });

    it('brings back a backend that the application has taken away', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn('')},
        `for (const name of ['tensorflow', 'cpu']) {
           await setupBackend(name);
           await setupBackend('wasm');
           tf.removeBackend(name);
           tell(await setupBackend(name));
           tell(tf.add(1, 2).dataSync()[0]);
         }`,
      );
      expect(told, stderr).to.deep.equal(['tensorflow', 3, 'cpu', 3]);
    });

    it('says so where it was taken away before', () => {
      const {told, stderr} = tellWith(
        {'@tensorflow/tfjs-node': standIn('')},
        `await import('@tensorflow/tfjs-node');
         tf.removeBackend('tensorflow');
         tell(await failure(setupBackend('tensorflow')));`,
      );
      expect(told[0], stderr).to.contain("setupBackend before tf.removeBackend('tensorflow')");
    });
  });

  it('says that no driver was found when webgpu is named without one', () => {
    const {told, stderr} = inFreshProcess(`tell(await failure(setupBackend('webgpu')));`, withoutDriver);
    expect(told[0], stderr).to.match(/^BackendError: webgpu: .*Vulkan/);
  });

  it('throws from the report before any backend is set up', () => {
    const {told, stderr} = inFreshProcess(`tell(await failure((async () => backendReport())()));`);
    expect(told[0], stderr).to.match(/^BackendError: .*setupBackend\(\) first/);
  });

  it('asks a browser page to import the package', () => {
    const {told, stderr} = inFreshProcess(`
      Object.defineProperty(process, 'versions', {value: {}});
      for (const name of ['wasm', 'cpu', 'webgl']) tell(await failure(setupBackend(name)));
      tell(await failure(setupBackend('webgpu')));
      tell(await failure(setupBackend()));`);
    for (const [index, name] of ['wasm', 'cpu', 'webgl'].entries()) {
      expect(told[index], stderr).to.contain(`import '@tensorflow/tfjs-backend-${name}'`);
    }
    expect(told[3]).to.contain('navigator.gpu');
    expect(told[4]).to.contain('one backend must work');
  });

  describe('with webgpu', () => {
    before(async function () {
      const reason = await whyUnavailable('webgpu');
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
    });

    const compute = `
      const tf = (await import('@tensorflow/tfjs-core')).default;
      const y = tf.square(tf.tensor1d([1, 2, 3]));
      tell(Array.from(await y.data()));`;

    it('computes, and the process ends by itself with live tensors', () => {
      const {told, ended, status, stderr} = inFreshProcess(`tell(await setupBackend('webgpu')); ${compute}`);
      expect(told, stderr).to.deep.equal(['webgpu', [1, 4, 9]]);
      expect({ended, status}).to.deep.equal({ended: true, status: 0});
    });

    it('passes over a software GPU and says so, and why native TensorFlow is not used', function () {
      const {told, stderr} = inFreshProcess(
        `
        await setupBackend('webgpu');
        tell(backendReport().software);
        tell(await setupBackend());
        tell(backendReport());`,
        process.env,
        withoutNativeTensorFlow,
      );
      const [softwareGpu, chosen, report] = told;
      if (softwareGpu === false) {
        console.log('      skipped: the GPU of this machine is hardware');
        this.skip();
      }
      expect(chosen, stderr).to.equal('wasm');
      const {skipped, software, device} = report;
      expect(software).to.equal(false);
      expect(device).to.contain('WebAssembly');
      expect(skipped.map(({backend}: {backend: string}) => backend)).to.deep.equal(['tensorflow', 'webgpu']);
      expect(skipped[0].reason).to.contain('npm install @tensorflow/tfjs-node');
      expect(skipped[1].reason)
        .to.contain('hardware')
        .and.to.match(/swiftshader/i);
    });

    it('works when the backend package was imported before WebGPU was there', () => {
      const {told, ended, status, stderr} = inFreshProcess(`
        await import('@tensorflow/tfjs-backend-webgpu');
        tell(await setupBackend('webgpu')); ${compute}`);
      expect(told, stderr).to.deep.equal(['webgpu', [1, 4, 9]]);
      expect({ended, status}).to.deep.equal({ended: true, status: 0});
    });
  });
});
