/** The error classes, as the public entries export them. Defined beside the lowest layer that throws them. */
export * from '../kernels/common/errors.js';
