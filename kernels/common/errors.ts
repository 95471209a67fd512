/**
 * The errors that this library throws on purpose.
 *
 * Every message names who, the rule, what was received and, where known, the fix:
 * `SwinT(stage2): numHeads must divide the input channels; got 96 channels and 7 heads (try 6 or 8).`
 */

/** Base class of every error thrown on purpose by this library. */
export class SwintError extends Error {
  // Spelled out in every class: `constructor.name` does not survive a minifier.
  override name = 'SwintError';
}

/** An argument or a combination of arguments that can never work, whatever the input. */
export class ConfigError extends SwintError {
  override name = 'ConfigError';
}

/** A tensor whose rank or shape does not fit the operation or the layer that received it. */
export class ShapeError extends SwintError {
  override name = 'ShapeError';
}

/** A backend that is missing, unusable or lost. */
export class BackendError extends SwintError {
  override name = 'BackendError';
}

/** A weight file that is damaged or does not fit the model. */
export class CheckpointError extends SwintError {
  override name = 'CheckpointError';
}

/** Training data that is missing, damaged or inconsistent. */
export class DataError extends SwintError {
  override name = 'DataError';
}
