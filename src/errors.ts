/** The error classes, as the public entries export them. Defined beside the lowest layer that throws them. */
export {
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  ShapeError,
  SwintError,
} from '../kernels/errors.js';
