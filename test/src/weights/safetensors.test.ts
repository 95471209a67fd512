import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {CheckpointError} from '../../../src/errors.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';

const open = (bytes: Uint8Array) => openSafetensors(bytesSource(bytes, 'file'));

/** A file with this header, text or object, and so many bytes after it. */
function fileOf(header: object | string, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const tensor = (begin: number, end: number, shape: number[] = [(end - begin) / 4], dtype = 'F32') => ({
  ...{dtype, shape, data_offsets: [begin, end]},
});

describe('safetensors', () => {
  it('reads what it writes, bit-equal, values beginning at a multiple of eight', () => {
    const values = Float32Array.from([1, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-40, 3.5]);
    const file = writeSafetensors(
      [
        {name: 'a.weight', shape: [2, 3], values},
        {name: 'scalar', shape: [], values: Float32Array.of(7)},
        {name: 'none', shape: [0, 4], values: new Float32Array()},
      ],
      {format: 'pt'},
    );
    const {tensors, metadata, values: read} = open(file);
    expect([...tensors.keys()].sort()).to.deep.equal(['a.weight', 'none', 'scalar']);
    expect(tensors.get('a.weight')?.shape).to.deep.equal([2, 3]);
    expect(metadata.get('format')).to.equal('pt');
    const bits = (array: Float32Array) => Array.from(new Uint32Array(array.slice().buffer));
    expect(bits(read('a.weight'))).to.deep.equal(bits(values));
    expect(Array.from(read('scalar'))).to.deep.equal([7]);
    expect(read('none').length).to.equal(0);
    const length = new DataView(file.buffer).getUint32(0, true);
    expect((8 + length) % 8).to.equal(0);
  });

  it('reads F16 and BF16, and tolerates other types where they are not asked for', () => {
    const header = {
      half: tensor(0, 12, [6], 'F16'),
      brain: tensor(12, 18, [3], 'BF16'),
      index: tensor(18, 34, [2], 'I64'),
      small: tensor(34, 37, [2, 3], 'F4'),
    };
    const file = fileOf(header, 37);
    const at = file.length - 37;
    const view = new DataView(file.buffer);
    for (const [i, bits] of [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00].entries()) {
      view.setUint16(at + 2 * i, bits, true);
    }
    for (const [i, bits] of [0x3f80, 0xc2f7, 0x0001].entries()) view.setUint16(at + 12 + 2 * i, bits, true);
    const {values} = open(file);
    expect(Array.from(values('half'))).to.deep.equal([
      ...[1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN],
    ]);
    expect(Array.from(values('brain'))).to.deep.equal([1, -123.5, 2 ** -133]);
    expect(() => values('index')).to.throw(CheckpointError, /index must be F32, F16, BF16 or F64.*got I64/);
    expect(() => values('nothing')).to.throw(CheckpointError, /there must be a tensor nothing/);
  });

  it('reads the values of a tensor only when they are asked for', () => {
    const file = writeSafetensors([
      {name: 'a', shape: [1000], values: new Float32Array(1000)},
      {name: 'b', shape: [1], values: Float32Array.of(5)},
    ]);
    let most = 0;
    const source = {
      ...{name: 'file', size: file.length},
      read: (offset: number, length: number) => {
        most = Math.max(most, length);
        return file.subarray(offset, offset + length);
      },
    };
    expect(Array.from(openSafetensors(source).values('b'))).to.deep.equal([5]);
    expect(most).to.be.below(200);
  });

  const bad: [string, Uint8Array, RegExp][] = [
    ['no bytes', new Uint8Array(), /at least 8 bytes; got 0/],
    ['a header longer than the file', fileOf('{}', 0).subarray(0, 9), /at least 10 bytes; got 9/],
    ['a length of 2^63', Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 128, 123, 125]), /header must have 2 bytes;/],
    ['a header that is no object', fileOf('[]', 0), /must begin with \{/],
    ['a header that begins with a space', fileOf(' {}', 0), /must begin with \{/],
    ['no JSON', fileOf('{"a":', 0), /must be JSON/],
    ['no UTF-8', fileOf('{"a\xff"', 0).fill(255, 10, 11), /must be UTF-8/],
    [
      'a key twice',
      fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}', 0),
      /may come twice; got a/,
    ],
    [
      'a key twice within a tensor',
      fileOf('{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}', 0),
      /may come twice; got shape/,
    ],
    ['a key twice by an escape', fileOf('{"a":1,"\\u0061":1}', 0), /may come twice; got a/],
    [
      '__proto__',
      fileOf('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0),
      /object property/,
    ],
    [
      'a hole',
      fileOf({a: tensor(0, 4), b: tensor(8, 12)}, 12),
      /b must begin where the tensor before it ends, 4; got 8/,
    ],
    ['an overlap', fileOf({a: tensor(0, 8), b: tensor(4, 12)}, 12), /b must begin .* 8; got 4/],
    ['bytes left over', fileOf({a: tensor(0, 4)}, 5), /must have all 5 bytes after the header; got 4/],
    ['bytes that are not there', fileOf({a: tensor(0, 8)}, 4), /must have all 4 bytes/],
    ['a size that is not the shape', fileOf({a: tensor(0, 8, [3])}, 8), /a must have 12 bytes.*got 8/],
    ['sizes that overflow', fileOf({a: tensor(0, 4, [2 ** 30, 2 ** 30])}, 4), /a must have/],
    ['a negative size', fileOf({a: tensor(0, 4, [-1])}, 4), /sizes from 0; got \[-1\]/],
    ['a fraction', fileOf({a: tensor(0, 4, [1.5])}, 4), /sizes from 0/],
    ['an unknown type', fileOf({a: tensor(0, 4, [1], 'F31')}, 4), /known dtype; got F31/],
    ['a type named after a property', fileOf({a: tensor(0, 4, [1], 'toString')}, 4), /known dtype/],
    ['offsets the wrong way round', fileOf({a: tensor(4, 0, [1])}, 4), /a must have 4 bytes/],
    ['metadata that is no text', fileOf({__metadata__: {a: 1}}, 0), /metadata a must be a string/],
    [
      'a further key',
      fileOf({a: {...tensor(0, 4), more: 1}}, 4),
      /dtype, shape and data_offsets only; got more/,
    ],
  ];
  for (const [name, bytes, message] of bad) {
    it(`${name}: one CheckpointError`, () => {
      expect(() => open(bytes)).to.throw(CheckpointError, message);
    });
  }

  it('10,000 damaged files: nothing but a CheckpointError, or a file that is still whole', () => {
    const random = seedrandom.alea('damage');
    const whole = writeSafetensors([
      {name: 'layers.0.weight', shape: [4, 3], values: new Float32Array(12)},
      {name: 'layers.0.bias', shape: [3], values: new Float32Array(3)},
    ]);
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      let file = whole.slice();
      const changes = 1 + Math.floor(3 * random());
      for (let change = 0; change < changes; change++) {
        const at = Math.floor(random() * (random() < 0.7 ? 140 : file.length));
        const kind = random();
        if (kind < 0.6) file[at % file.length] = Math.floor(256 * random());
        else if (kind < 0.8) file = file.slice(0, at);
        else
          file = Uint8Array.from([...file.subarray(0, at), Math.floor(256 * random()), ...file.subarray(at)]);
        if (file.length === 0) break;
      }
      try {
        const {tensors, values} = open(file);
        for (const [name, {dtype}] of tensors) if (dtype === 'F32') values(name);
      } catch (error) {
        refused++;
        expect(error, `file ${i}`).to.be.instanceOf(CheckpointError);
      }
    }
    expect(refused).to.be.above(8000);
  });
});
