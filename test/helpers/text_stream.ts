/** A stream that keeps what is written to it, in the place of process.stdout. */
import {Writable} from 'node:stream';

export class TextStream extends Writable {
  text = '';

  constructor() {
    super({decodeStrings: false});
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}
