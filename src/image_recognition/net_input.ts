/** What the networks of tfjs-image-recognition-base take, as that package's NetInput. */
import type {NetInputLike} from '../data/image_list.js';
import {DataError} from '../errors.js';
import type {ImageRecognitionBase} from './base_package.js';

/**
 * The NetInput of whatever the package takes: that itself, a canvas, image or video, a tensor of bytes [H, W, 3] or
 * [1, H, W, 3], in a browser the id of an element, or an array of them. Waits for images to be loaded.
 *
 * @throws DataError for anything else.
 */
export async function netInput(
  who: string,
  base: ImageRecognitionBase,
  input: unknown,
): Promise<NetInputLike> {
  try {
    return await base.toNetInput(input);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'a picture that does not load';
    throw new DataError(
      `${who}: the input must be a NetInput, a canvas, an image, a video, a tensor of bytes [H, W, 3], or an array of ` +
        `them; got: ${why} (in Node give the package its canvas by env.monkeyPatch).`,
      {cause: error},
    );
  }
}
