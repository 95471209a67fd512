/**
 * The kernels of the library's own operations on native TensorFlow, tfjs-node's backend: put in, and taken out again so that
 * the composed versions compute on tfjs-node's own kernels.
 */
import {registerKernels, unregisterKernels} from '../../registration.js';
import {matrixProductConfig} from '../primitives/matrix_product.js';
import {rollConfig} from '../primitives/roll.js';
import {batchNormConfig, batchNormGradConfig} from './batch_norm.js';
import {adamUpdateConfig} from './optimizer.js';

const configs = [adamUpdateConfig, batchNormConfig, batchNormGradConfig, matrixProductConfig, rollConfig];

/** Registers them. One that the application has registered under the same name stays. */
export const registerOperations = (): void => registerKernels(configs);

/** Takes them out. One that the application has registered stays. */
export const unregisterOperations = (): void => unregisterKernels(configs);
