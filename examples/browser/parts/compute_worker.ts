/** The worker that computes for all pages: on WebGPU where there is a GPU, else on WebAssembly. */
import '@tensorflow/tfjs-backend-webgpu';
import 'tfjs-swint/worker/main';
