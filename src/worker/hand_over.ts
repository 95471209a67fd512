/** Typed arrays and pictures on their way to a worker: what is copied, and what is handed over and gone here afterwards. */

type Bytes = ArrayBufferView & {slice(): ArrayBufferView};

/** Collects what goes with a message. */
export class HandOver {
  readonly transfer = new Set<Transferable>();

  /** @param all Whether the caller gives away what is its own; what was made for the message always goes over. */
  constructor(readonly all: boolean) {}

  /** A typed array; a copy of it where it is only a part of its buffer, of which the rest is nobody's business. */
  array<T extends ArrayBufferView>(values: T): T {
    const isWhole = values.byteLength === values.buffer.byteLength;
    if (!isWhole) return this.made((values as unknown as Bytes).slice() as unknown as T);
    return this.all ? this.made(values) : values;
  }

  /** A picture of the caller's. */
  picture<T extends Transferable>(picture: T): T {
    if (this.all) this.transfer.add(picture);
    return picture;
  }

  /** A typed array or a picture that was made for the message. */
  made<T extends ArrayBufferView | Transferable>(value: T): T {
    const one = ArrayBuffer.isView(value) ? value.buffer : value;
    if (typeof SharedArrayBuffer === 'undefined' || !(one instanceof SharedArrayBuffer)) {
      this.transfer.add(one as Transferable);
    }
    return value;
  }
}
