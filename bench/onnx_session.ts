/** A child process of onnx.ts: `onnx_session.ts FILE THREADS`. Runs the network at each message, answers milliseconds. */
const [file, threads] = process.argv.slice(2);
const name = 'onnxruntime-web';
// The package is installed by who wants this comparison; its types are not there otherwise.
const ort = await import(name);
ort.env.wasm.numThreads = Number(threads);
ort.env.logLevel = 'error';
const session = await ort.InferenceSession.create(file, {executionProviders: ['wasm']});
const size = 3 * 224 * 224;
const image = new ort.Tensor('float32', Float32Array.from({length: size}, Math.random), [1, 3, 224, 224]);
process.on('message', async () => {
  const start = performance.now();
  await session.run({[session.inputNames[0]]: image});
  process.send?.(performance.now() - start);
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
