/**
 * Registers, for native TensorFlow, the kernels of the library's own operations. Importing this file neither needs nor loads
 * tfjs-node.
 */
import {registerOperations} from './operations/index.js';

registerOperations();
