/** A format of files that the fuzzer damages: what it takes for a format to be one of them. */
import type {Random} from '../../helpers/damage.js';

/** What reading a damaged file came to. */
export interface Reading {
  /** Whether it was read, or refused by one of our errors. Any other error is thrown. */
  read: boolean;
  /** Bytes of the file. */
  size: number;
}

/** A format with what its cases need, in place until `close`. */
export interface OpenFormat {
  /** Damages a file of the corpus and reads it; throws where it does what no file may make it do. */
  run(random: Random): Promise<Reading>;
  close?(): Promise<void>;
}

export interface FileFormat {
  name: string;
  /** Most bytes of memory that the largest file of the corpus may take, damaged in whatever way. */
  mostMemory: number;
  open(): Promise<OpenFormat>;
}

/** Memory that is the collector's and the engine's own, whatever is read. */
export const ROOM = 600 * 2 ** 20;
