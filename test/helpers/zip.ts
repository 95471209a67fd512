/** Writes zips of stored files, with what a test wants to be wrong in them. */

export interface StoredFile {
  name: string;
  bytes: Uint8Array;
  /** Compression method; default 0, stored. */
  method?: number;
  /** General purpose flags; bit 0 is encryption. */
  flags?: number;
  /** Sizes and offset in the directory, default the true ones. */
  size?: number;
  stored?: number;
  begin?: number;
}

/** @param zip64 Whether sizes and offsets stand in zip64 records only. */
export function storedZip(files: readonly StoredFile[], zip64 = false): Uint8Array {
  const parts: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  let at = 0;
  const add = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const {name, bytes, method = 0, flags = 0, size = bytes.length, stored = size, begin = at} of files) {
    const text = new TextEncoder().encode(name);
    const record = new Uint8Array(46 + text.length + (zip64 ? 28 : 0));
    const view = new DataView(record.buffer);
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(8, flags, true);
    view.setUint16(10, method, true);
    view.setUint32(20, zip64 ? 0xffffffff : stored, true);
    view.setUint32(24, zip64 ? 0xffffffff : size, true);
    view.setUint16(28, text.length, true);
    view.setUint16(30, zip64 ? 28 : 0, true);
    view.setUint32(42, zip64 ? 0xffffffff : begin, true);
    record.set(text, 46);
    if (zip64) {
      const extra = 46 + text.length;
      view.setUint16(extra, 1, true);
      view.setUint16(extra + 2, 24, true);
      for (const [i, value] of [size, stored, begin].entries()) {
        view.setBigUint64(extra + 4 + 8 * i, BigInt(value), true);
      }
    }
    records.push(record);
    const local = new Uint8Array(30 + text.length);
    const head = new DataView(local.buffer);
    head.setUint32(0, 0x04034b50, true);
    head.setUint16(26, text.length, true);
    local.set(text, 30);
    add(local);
    add(bytes);
  }
  const directory = at;
  for (const record of records) add(record);
  const bytes = at - directory;
  if (zip64) {
    const end64 = new DataView(new ArrayBuffer(76));
    end64.setUint32(0, 0x06064b50, true);
    end64.setBigUint64(32, BigInt(files.length), true);
    end64.setBigUint64(40, BigInt(bytes), true);
    end64.setBigUint64(48, BigInt(directory), true);
    end64.setUint32(56, 0x07064b50, true);
    end64.setBigUint64(64, BigInt(at), true);
    add(new Uint8Array(end64.buffer));
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(10, zip64 ? 0xffff : files.length, true);
  end.setUint32(12, zip64 ? 0xffffffff : bytes, true);
  end.setUint32(16, zip64 ? 0xffffffff : directory, true);
  add(new Uint8Array(end.buffer));
  const zip = new Uint8Array(at);
  let to = 0;
  for (const part of parts) {
    zip.set(part, to);
    to += part.length;
  }
  return zip;
}
