/**
 * Registers the kernels of the library's own operations for tfjs's webgpu backend. Importing this file neither needs nor
 * loads the backend's package.
 */
import {registerOperations} from './operations.js';

registerOperations();
