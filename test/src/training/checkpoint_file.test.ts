import {expect} from 'chai';
import {CheckpointError} from '../../../src/errors.js';
import {decodeCheckpoint, encodeCheckpoint} from '../../../src/training/checkpoint_file.js';
import {crc32} from '../../../src/training/crc32.js';

const VALUE = {
  text: 'é "\\',
  nothing: null,
  yes: true,
  numbers: [0.1, -1e-300, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  inside: [{values: Float32Array.of(1.5, Number.NaN, -0)}, {values: Int32Array.of(-1, 2 ** 31 - 1)}],
  bytes: Uint8Array.of(1, 2, 3),
  empty: new Float32Array(0),
};

describe('the file of a checkpoint', () => {
  it('gives back what was put in, to the last bit', () => {
    const bytes = encodeCheckpoint(VALUE);
    for (const read of [bytes, Buffer.from(bytes), new Uint8Array([9, 9, 9, ...bytes]).subarray(3)]) {
      expect(decodeCheckpoint('x', read)).to.deep.equal(VALUE);
    }
    const {inside} = decodeCheckpoint('x', bytes) as typeof VALUE;
    expect(Object.is((inside[0].values as Float32Array)[2], -0)).to.equal(true);
  });

  it('knows every changed bit and every other length', () => {
    const bytes = encodeCheckpoint(VALUE);
    const refuse = (damaged: Uint8Array, what: string) =>
      expect(() => decodeCheckpoint('x', damaged), what).to.throw(
        CheckpointError,
        /^x: a checkpoint must be whole; got/,
      );
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      refuse(damaged, `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length++)
      refuse(bytes.subarray(0, length), `${length} bytes`);
    refuse(Uint8Array.of(...bytes, 0), 'a byte more');
  });

  it('refuses arrays outside the file and a header that is no JSON, whatever the checksum says', () => {
    const file = (header: string) => {
      const bytes = encodeCheckpoint(header);
      // The text of the header in place of its JSON, which has two quotes more.
      bytes.fill(0x20, 20);
      bytes.set(new TextEncoder().encode(header), 20);
      new DataView(bytes.buffer).setUint32(12, crc32(bytes.subarray(16)), true);
      return bytes;
    };
    for (const header of ['{', '[1', '{"$array":["f32",0,9]}         ', '{"$array":["f99",0,1]}         ']) {
      expect(() => decodeCheckpoint('x', file(header)), header).to.throw(
        CheckpointError,
        /a header that cannot be read/,
      );
    }
  });

  it('has the checksum that ZIP has', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).to.equal(0xcbf43926);
    expect(crc32(new Uint8Array(32))).to.equal(0x190a55ad);
  });
});
