import {spawnSync} from 'node:child_process';
import {expect} from 'chai';
import {whyUnavailable} from '../../helpers/backends.js';
import {inFreshProcess, url} from '../../helpers/fresh_process.js';

const setup = `
  const tf = await import('@tensorflow/tfjs');
  const {linear} = await import(${JSON.stringify(url('kernels/index.ts'))});
  await setupBackend('webgpu');
  const one = () => tf.tidy(() => linear({x: tf.ones([8, 16]), weight: tf.ones([16, 4])}));
  const value = async () => (await one().data())[0];
  const thrown = (f) => { try { f(); return 'none'; } catch (error) { return error.name + ': ' + error.message; } };
  // Turns of the event loop after the GPU is done, and not a time: by then its errors have come.
  const settled = async () => {
    for (let turn = 0; turn < 20; turn++) {
      await tf.backend().device.queue.onSubmittedWorkDone();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
`;

describe('the webgpu device', () => {
  before(async function () {
    const reason = await whyUnavailable('webgpu');
    if (reason === undefined) return;
    if (process.env.CI === 'true') throw new Error(`webgpu must be present in CI; it is not: ${reason}`);
    console.log(`      skipped: ${reason}`);
    this.skip();
  });

  it('tells what it got', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      tell(backendReport().gpu);
      tell(await value());`);
    const [gpu, value] = told;
    expect(value, stderr).to.equal(16);
    expect(gpu.workgroupStorage).to.be.at.least(16384);
    expect(gpu.storageBuffers).to.be.at.least(8);
    expect(gpu.features).to.be.an('array');
  });

  it('that is lost is a BackendError of the next call and of reads on their way; a new one can be set up', () => {
    const {told, ended, stderr} = inFreshProcess(`${setup}
      tell(await value());
      const before = one();
      const {device} = tf.backend();
      const reading = failure(before.data());
      device.destroy();
      tell(await reading);
      tell(thrown(() => one()));
      tell(thrown(() => tf.square(before)));
      await setupBackend('webgpu');
      tell(await value());
      tell(tf.backend().device !== device);`);
    expect(ended, stderr).to.equal(true);
    const [first, read, call, again, after, other] = told;
    expect([first, after, other], stderr).to.deep.equal([16, 16, true]);
    for (const message of [read, call, again]) {
      expect(message).to.match(/^BackendError: webgpu: the GPU device must stay; it was lost.*setupBackend/);
    }
  });

  it('is garbage with all its pipelines once its backend is removed', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      const {setFlagsFromString} = await import('node:v8');
      const {runInNewContext} = await import('node:vm');
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc');
      const removed = async () => {
        await setupBackend('webgpu');
        await value();
        const {device} = tf.backend();
        await setupBackend('cpu');
        tf.removeBackend('webgpu');
        await device.lost;
        return new WeakRef(device);
      };
      const devices = [];
      for (let i = 0; i < 3; i++) devices.push(await removed());
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        collect();
      }
      tell(devices.filter((device) => device.deref() !== undefined).length);`);
    // The last one may still be in a register.
    expect(told[0], stderr).to.be.at.most(1);
  });

  it('that is destroyed in the middle of training ends the training with a BackendError', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      const {train} = await import(${JSON.stringify(url('src/training/train.ts'))});
      const {shapesSplit} = await import(${JSON.stringify(url('src/data/shapes.ts'))});
      const data = shapesSplit({imageSize: 16, trainSize: 64, testSize: 16});
      const model = tf.sequential();
      model.add(tf.layers.flatten({inputShape: [3, 16, 16]}));
      model.add(tf.layers.dense({units: data.train.classNames.length}));
      const onBatch = ({step}) => { if (step === 2) tf.backend().device.destroy(); };
      tell(await failure(train(model, data, {epochs: 4, batchSize: 8, onBatch})));`);
    expect(told[0], stderr).to.match(/^BackendError: webgpu: the GPU device must stay/);
  });

  it('that reports an error throws it once, and goes on', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      const {device} = tf.backend();
      device.createBuffer({size: 2 ** 50, usage: 0x80});
      await settled();
      tell(thrown(() => one()));
      tell(await value());`);
    expect(told[0], stderr).to.match(/^BackendError: webgpu: .* got "/);
    expect(told[1]).to.equal(16);
  });

  it('that has no buffer of a size says so at once, before anything is computed, and goes on', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      const rows = Math.ceil(tf.backend().device.limits.maxBufferSize / 4 / 2 ** 15) + 1;
      const bytes = () => tf.memory().numBytesInGPU;
      await value();
      const before = [tf.memory().numTensors, bytes()];
      tell(thrown(() => tf.tidy(() => linear({x: tf.ones([rows, 4]), weight: tf.ones([4, 2 ** 15])}).sum())));
      const large = tf.zeros([rows, 2 ** 15]);
      tell(thrown(() => tf.square(large)));
      large.dispose();
      await settled();
      tell(thrown(() => one().dispose()));
      tell(await value());
      tell([tf.memory().numTensors, bytes()].map((one, i) => one - before[i]));`);
    for (const message of told.slice(0, 2)) {
      expect(message, stderr).to.match(
        /^BackendError: webgpu: a tensor must fit a buffer of the device, \d+ bytes; got \d+ bytes/,
      );
    }
    // The tensor whose value is told stays.
    expect(told.slice(2, 4), stderr).to.deep.equal(['none', 16]);
    expect(told[4][0]).to.equal(1);
  });

  it('whose memory is full says so once, and goes on when tensors are disposed', function () {
    // The driver computes in this process's memory, which is bounded where this system can.
    if (spawnSync('prlimit', ['--version']).status !== 0) this.skip();
    const bytes = 2 ** 27;
    const {told, stderr} = inFreshProcess(`${setup}
      const {execFileSync} = await import('node:child_process');
      const {readFileSync} = await import('node:fs');
      const take = () => {
        const taken = tf.backend().makeTensorInfo([${bytes / 4}], 'float32');
        tf.backend().uploadToGPU(taken.dataId);
        return tf.engine().makeTensorFromTensorInfo(taken);
      };
      const last = async () => {
        const end = tf.tidy(() => tf.slice(tf.fill([${bytes / 4}], 3), [${bytes / 4 - 1}], [1]));
        return (await end.data())[0];
      };
      tell([await value(), await last()]);
      const inUse = 1024 * Number(/VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (inUse + ${5.5 * bytes})]);
      for (let round = 0; round < 2; round++) {
        const kept = [];
        let error = 'none';
        while (error === 'none' && kept.length < 40) {
          error = thrown(() => kept.push(take()));
          await new Promise((resolve) => setTimeout(resolve));
        }
        tell(error);
        tf.dispose(kept);
        tell([await value(), await value()]);
        tell(await failure(last()));
        tell(await last());
      }
      process.exit(0);`);
    expect(told, stderr).to.have.length(9);
    expect(told[0]).to.deep.equal([16, 3]);
    for (const from of [1, 5]) {
      expect(told[from], stderr).to.match(/^BackendError: webgpu: a buffer must fit the GPU's memory; got "/);
      expect(told.slice(from + 1, from + 4), stderr).to.deep.equal([[16, 16], 'none', 3]);
    }
  });

  it('keeps what lies inside of blocks as 16-bit floats where that is asked for, and tells', () => {
    const {told, stderr} = inFreshProcess(`${setup}
      const {swinBlock} = await import(${JSON.stringify(url('layers/index.ts'))});
      const layer = swinBlock({numHeads: 2, windowSize: 4, seed: 1, dataFormat: 'channelsLast'});
      const x = tf.randomNormal([1, 8, 8, 8], 0, 1, 'float32', 1);
      const first = async () => Array.from(await layer.apply(x).data());
      tell(backendReport().precision);
      const full = await first();
      await setupBackend('webgpu', {precision: 'f16'});
      tell(backendReport().precision);
      const half = await first();
      tell(Math.max(...full.map((v, i) => Math.abs(v - half[i]))));
      await setupBackend('webgpu');
      tell((await first()).every((v, i) => v === full[i]));
      tell(await failure(setupBackend('wasm', {precision: 'f16'})));
      tell(await failure(setupBackend('webgpu', {precision: 'f16', kernels: 'tfjs'})));
      tell(await failure(setupBackend('webgpu', {precision: 'f64'})));`);
    const [before, after, difference, back, ...errors] = told;
    expect([before, after, back], stderr).to.deep.equal(['f32', 'f16', true]);
    expect(difference).to.be.within(1e-7, 1e-2);
    expect(errors.map((message: string) => message.split(';')[0])).to.deep.equal([
      "ConfigError: setupBackend: precision must be f32 except in this library's kernels on webgpu",
      "ConfigError: setupBackend: precision must be f32 except in this library's kernels on webgpu",
      "ConfigError: setupBackend: precision must be one of 'f32', 'f16'",
    ]);
  });
});
