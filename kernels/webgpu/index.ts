/**
 * Registers, for tfjs's webgpu backend, the kernels of the library's own operations and the one that benchmarks take for
 * the peak. Importing this file neither needs nor loads the backend's package.
 */
import {registerKernels} from '../registration.js';
import {registerOperations} from './operations/index.js';
import {peakConfig} from './runtime/peak.js';

registerKernels([peakConfig]);
registerOperations();
