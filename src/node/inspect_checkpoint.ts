/** What is in a checkpoint, also one that is a file. */
import {
  type CheckpointInspection,
  checkInspectOptions,
  type InspectOptions,
  inspectGiven,
  inspectSource,
} from '../inspect_checkpoint.js';
import {fetchedSource} from '../weights/load_weights.js';
import {withFile} from './file_source.js';
import {nodePlace} from './hub_cache.js';
import {pathOf} from './weight_files.js';

/**
 * Says what a checkpoint is; see `inspectCheckpoint` of tfjs-swint.
 *
 * @param source A path, the file's bytes, a URL, as text too, or a name on a hub.
 */
export async function inspectCheckpoint(
  source: string | Uint8Array | URL,
  options: InspectOptions = {},
): Promise<CheckpointInspection> {
  checkInspectOptions(options);
  const path = pathOf(source);
  if (path === undefined) {
    return inspectGiven(await fetchedSource('inspectCheckpoint', source, options, nodePlace()), options);
  }
  return withFile(path, (file) => inspectSource(file, options));
}
