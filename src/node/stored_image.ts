/** What the structure of an image file says, whatever its format. */

/** A rule that a file breaks, as it follows 'must', and what came. */
export interface Fault {
  rule: string;
  got: string;
}

export interface StoredImage {
  /** What is wrong with the file, as far as can be told without decoding it; null for nothing. */
  fault: Fault | null;
  /** As stored; 0 where the file does not say. */
  width: number;
  height: number;
  /** Exif orientation, 1 (as stored) to 8. */
  orientation: number;
}
