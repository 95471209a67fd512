import {readFileSync} from 'node:fs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {CheckpointError} from '../../../src/errors.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {openCheckpoint} from '../../../src/weights/open_checkpoint.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {openTorchCheckpoint} from '../../../src/weights/torch_checkpoint.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {storedZip} from '../../helpers/zip.js';

const golden = (name: string) => new URL(`../../golden/torch/${name}`, import.meta.url);
const fileOf = (name: string) => new Uint8Array(readFileSync(golden(name)));
const open = (bytes: Uint8Array) => openTorchCheckpoint(bytesSource(bytes, 'file'));

/** A file of torch.save with this pickle, opcodes as text, and these storages. */
function torchFile(pickle: string, storages: Record<string, Uint8Array> = {}): Uint8Array {
  const bytes = Uint8Array.from(pickle, (letter) => letter.charCodeAt(0));
  return storedZip([
    {name: 'archive/data.pkl', bytes},
    ...Object.entries(storages).map(([key, bytes]) => ({name: `archive/data/${key}`, bytes})),
  ]);
}

/** Opcodes. */
const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
const int = (value: number) =>
  `J${[0, 8, 16, 24].map((shift) => String.fromCharCode((value >> shift) & 255)).join('')}`;
const tuple = (...items: string[]) => `(${items.join('')}t`;
const storage = (key: string, elements: number, type = 'FloatStorage') =>
  `${tuple(text('storage'), `ctorch\n${type}\n`, text(key), text('cpu'), int(elements))}Q`;
const tensor = (of: string, offset: number, shape: number[], strides: number[]) => {
  const sizes = [shape, strides].map((list) => tuple(...list.map(int)));
  return `ctorch._utils\n_rebuild_tensor_v2\n${tuple(of, int(offset), ...sizes)}R`;
};
const dict = (entries: Record<string, string>) =>
  `}(${Object.entries(entries)
    .map(([key, value]) => text(key) + value)
    .join('')}u`;
const program = (body: string) => `\x80\x02${body}.`;

const four = {'0': new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)};

describe('files of torch.save', () => {
  for (const name of ['state_dict', 'protocol4', 'checkpoint', 'views', 'types', 'swin']) {
    it(`${name}.pth: every tensor as torch has it`, () => {
      const file = open(fileOf(`${name}.pth`));
      const twin = openSafetensors(bytesSource(fileOf(`${name}.safetensors`)));
      expect(twin.tensors.size).to.be.above(3);
      for (const [key, {shape}] of twin.tensors) {
        expect(file.tensors.get(key)?.shape, key).to.deep.equal(shape);
        expectBitEqual(key, file.values(key), twin.values(key));
      }
    });
  }

  it('tells types and shapes of what is no floating-point number, and reads none of it', () => {
    const file = open(fileOf('state_dict.pth'));
    expect(file.format).to.equal('torch');
    expect(file.tensors.get('index')).to.deep.equal({dtype: 'I64', shape: [2, 3]});
    expect(file.tensors.get('mask')).to.deep.equal({dtype: 'BOOL', shape: [2]});
    expect(() => file.values('index')).to.throw(CheckpointError, /index must be F32, F16, BF16 or F64/);
    expect(() => file.values('nothing')).to.throw(CheckpointError, /there must be a tensor nothing/);
  });

  it('takes the state dict and leaves the optimizer and the rest, without the prefix of DataParallel', () => {
    const file = open(fileOf('checkpoint.pth'));
    expect([...file.tensors.keys()]).to.deep.equal(['0.weight', '0.bias', '1.weight', '1.bias', '2.weight']);
  });

  it('refuses the values of an expanded tensor, which the file has once', () => {
    const file = open(fileOf('views.pth'));
    expect(file.tensors.get('expanded')?.shape).to.deep.equal([3, 5]);
    expect(() => file.values('expanded')).to.throw(
      CheckpointError,
      /expanded must have no more elements.*3; got 15/,
    );
  });

  it('reads a storage only when a tensor of it is asked for, and then what the tensor spans', () => {
    const bytes = fileOf('views.pth');
    const lengths: number[] = [];
    const read = (offset: number, length: number) => {
      lengths.push(length);
      return bytes.subarray(offset, offset + length);
    };
    const file = openTorchCheckpoint({name: 'file', size: bytes.length, read});
    lengths.length = 0;
    // Two rows of six, behind a local header.
    expect(file.values('rows').length).to.equal(12);
    expect(lengths).to.deep.equal([30, 48]);
  });

  const refused: [string, RegExp][] = [
    ['module.pth', /got torch.nn.modules.normalization.LayerNorm \(save the state dict alone/],
  ];
  for (const [name, message] of refused) {
    it(`refuses ${name}, which holds a class, and names it`, () => {
      expect(() => open(fileOf(name))).to.throw(CheckpointError, message);
    });
  }

  it('passes over objects of classes that it does not know, beside the state dict', () => {
    expect([...open(fileOf('namedtuple.pth')).tensors.keys()]).to.include('0.weight');
  });

  const bad: [string, Uint8Array, RegExp][] = [
    ['no data.pkl', storedZip([{name: 'archive/version', bytes: Uint8Array.of(51)}]), /one data.pkl; got 0/],
    [
      'two of them',
      storedZip(['a', 'b'].map((name) => ({name: `${name}/data.pkl`, bytes: new Uint8Array(1)}))),
      /one data.pkl; got 2/,
    ],
    [
      'the byte order of another machine',
      storedZip([
        {name: 'a/data.pkl', bytes: new Uint8Array(1)},
        {name: 'a/byteorder', bytes: new TextEncoder().encode('big')},
      ]),
      /byte order must be little/,
    ],
    ['a number', torchFile(program('K\x01')), /must hold a state dict.*got no dict/],
    ['a dict of nothing', torchFile(program('}')), /got a dict of nothing/],
    [
      'a dict without tensors',
      torchFile(program(dict({epoch: 'K\x01', args: '}'}))),
      /a dict of epoch, args/,
    ],
    ['a program', torchFile(program(`cos\nsystem\n${text('ls')}\x85R`)), /got os.system/],
    [
      'a name of an object property',
      torchFile(program('cconstructor\nprototype\n')),
      /got constructor.prototype/,
    ],
    [
      'a storage that is not there',
      torchFile(program(dict({a: storage('1', 4)})), four),
      /data\/1 must hold 4 elements of F32; got undefined/,
    ],
    [
      'a storage of another size',
      torchFile(program(dict({a: storage('0', 5)})), four),
      /data\/0 must hold 5 .*got 16 bytes/,
    ],
    [
      'a storage of an unknown type',
      torchFile(program(storage('0', 4, 'QInt8Storage')), four),
      /got torch.QInt8Storage/,
    ],
    ['a storage that is none', torchFile(program('K\x01Q')), /storage must have a type/],
    ['a tensor of no storage', torchFile(program(tensor('N', 0, [1], [1]))), /must have a storage/],
    [
      'a tensor beyond its storage',
      torchFile(program(tensor(storage('0', 4), 0, [5], [1])), four),
      /lie within the 4 elements.*\[5\]/,
    ],
    [
      'an offset beyond it',
      torchFile(program(tensor(storage('0', 4), 4, [1], [1])), four),
      /lie within the 4/,
    ],
    [
      'strides beyond it',
      torchFile(program(tensor(storage('0', 4), 0, [2, 2], [3, 1])), four),
      /lie within the 4/,
    ],
    [
      'negative strides',
      torchFile(program(tensor(storage('0', 4), 0, [2], [-1])), four),
      /an offset, sizes and strides/,
    ],
    [
      'sizes without strides',
      torchFile(program(tensor(storage('0', 4), 0, [2], [])), four),
      /sizes and strides/,
    ],
    [
      'sizes that overflow',
      torchFile(
        program(
          tensor(
            storage('0', 4),
            0,
            Array.from({length: 20}, () => 2 ** 30),
            Array.from({length: 20}, () => 0),
          ),
        ),
        four,
      ),
      /lie within the 4/,
    ],
    [
      'fifty axes',
      torchFile(program(tensor(storage('0', 4), 0, Array(50).fill(1), Array(50).fill(1))), four),
      /sizes and strides/,
    ],
    [
      'a parameter that is no tensor',
      torchFile(program('ctorch._utils\n_rebuild_parameter\nN\x85R')),
      /parameter must be a tensor/,
    ],
    [
      'an OrderedDict that does not begin empty',
      torchFile(program('ccollections\nOrderedDict\n]\x85R')),
      /must begin empty/,
    ],
    [
      'nested lists as a key',
      torchFile(program(`}${']'.repeat(1000)}${'a'.repeat(999)}K\x01s`)),
      /got a dict of nothing/,
    ],
  ];
  for (const [name, bytes, message] of bad) {
    it(`${name}: one CheckpointError`, () => {
      expect(() => open(bytes)).to.throw(CheckpointError, message);
    });
  }

  // Small files that would make large things: what they make is counted, against the bytes of the file.
  const lavish: [string, Uint8Array][] = [
    ['lists', torchFile(program(']'.repeat(290_000)))],
    ['dicts', torchFile(program('}'.repeat(290_000)))],
    ['lists of one', torchFile(program(']Na'.repeat(90_000)))],
    ['views of bytes', torchFile(program('C\x00'.repeat(290_000)))],
    ['fractions', torchFile(program(`G${'\x01'.repeat(8)}`.repeat(290_000)))],
    ['texts', torchFile(program('\x8c\x03abc'.repeat(290_000)))],
    [
      'wide texts',
      torchFile(program(`X\xd0\x07\x00\x00${'\xc4\x81'.repeat(500)}${'a'.repeat(1000)}`.repeat(9_000))),
    ],
    [
      'places in the memo',
      torchFile(
        program(
          `N${Array.from({length: 65_536}, (_, i) => `r${String.fromCharCode(i & 255, i >> 8)}\0\0`).join('')}`,
        ),
      ),
    ],
    ['ordered dicts', torchFile(program(`ccollections\nOrderedDict\nq\x00${'h\x00)R'.repeat(70_000)}`))],
    [
      'names of one tensor',
      torchFile(
        program(
          `${tensor(storage('0', 4), 0, [4], [1])}q\x000}(${Array.from({length: 40_000}, (_, i) => `${text(String(i))}h\x00`).join('')}u`,
        ),
        four,
      ),
    ],
    [
      'files inside',
      storedZip(Array.from({length: 20_000}, (_, i) => ({name: `${i}`, bytes: new Uint8Array()}))),
    ],
  ];
  for (const [name, bytes] of lavish) {
    it(`${name} without end: one CheckpointError`, () => {
      expect(bytes.length).to.be.below(21_000_000);
      expect(() => open(bytes)).to.throw(CheckpointError, /no more memory than the file has bytes, and 1 MB/);
    });
  }

  it('reads a state dict of a thousand small tensors', () => {
    const remembered = 'ctorch._utils\n_rebuild_tensor_v2\nq\x000ctorch\nFloatStorage\nq\x010';
    const storages: Record<string, Uint8Array> = {};
    const tensors: Record<string, string> = {};
    for (let i = 0; i < 1000; i++) {
      storages[i] = new Uint8Array(512);
      const id = tuple(text('storage'), 'h\x01', text(`${i}`), text('cpu'), int(128));
      const sizes = [tuple(int(8), int(16)), tuple(int(16), int(1))];
      tensors[`layers.${i}.weight`] = `h\x00${tuple(`${id}Q`, int(0), ...sizes)}R`;
    }
    expect(open(torchFile(program(remembered + dict(tensors)), storages)).tensors.size).to.equal(1000);
  });

  it('refuses a key that torch does not make, and a file inside with a name beyond any', () => {
    expect(() => open(torchFile(program(storage('k'.repeat(65), 4))))).to.throw(
      CheckpointError,
      /must have a type, a key/,
    );
    const long = storedZip([{name: `${'a'.repeat(300)}/data.pkl`, bytes: new Uint8Array(1)}]);
    expect(() => open(long)).to.throw(CheckpointError, /name of at most 300 bytes; got 309/);
  });

  it('finds the format by the first bytes', () => {
    const safetensors = writeSafetensors([{name: 'a', shape: [1], values: Float32Array.of(5)}]);
    expect(openCheckpoint(bytesSource(safetensors)).format).to.equal('safetensors');
    expect(openCheckpoint(bytesSource(fileOf('types.pth'))).format).to.equal('torch');
    const old = /torch.save since 1.6; got a bare pickle or a tar/;
    expect(() => openCheckpoint(bytesSource(fileOf('legacy.pth')))).to.throw(CheckpointError, old);
    const tar = new Uint8Array(1024);
    tar.set(new TextEncoder().encode('ustar'), 257);
    expect(() => openCheckpoint(bytesSource(tar))).to.throw(CheckpointError, old);
    for (const bytes of [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(1024)]) {
      expect(() => openCheckpoint(bytesSource(bytes))).to.throw(CheckpointError, /no safetensors file/);
    }
  });

  it('600 damaged files: nothing but a CheckpointError, or a file that is still whole', () => {
    const random = seedrandom.alea('damage');
    const wholes = ['checkpoint.pth', 'views.pth', 'types.pth', 'protocol4.pth'].map(fileOf);
    let refused = 0;
    for (let i = 0; i < 600; i++) {
      const file = damaged(wholes[i % wholes.length], random);
      let read = 0;
      const source = {
        ...{name: 'file', size: file.length},
        read: (offset: number, length: number) => {
          expect(offset >= 0 && length >= 0 && offset + length <= file.length, `file ${i}`).to.equal(true);
          read = Math.max(read, length);
          return file.subarray(offset, offset + length);
        },
      };
      try {
        const {tensors, values} = openCheckpoint(source);
        for (const name of tensors.keys()) {
          try {
            expect(values(name).length).to.be.at.most(file.length);
          } catch (error) {
            expect(error, `file ${i}`).to.be.instanceOf(CheckpointError);
          }
        }
      } catch (error) {
        refused++;
        expect(error, `file ${i}`).to.be.instanceOf(CheckpointError);
      }
    }
    expect(refused).to.be.above(200);
  });
});

/** A copy with one to three bytes changed, cut out or put in, most of them where it is read first. */
function damaged(whole: Uint8Array, random: () => number): Uint8Array {
  let file = whole.slice();
  const changes = 1 + Math.floor(3 * random());
  for (let change = 0; change < changes && file.length > 0; change++) {
    const pickle = 1500 * random();
    const at = Math.floor(random() < 0.6 ? pickle % file.length : random() * file.length);
    const kind = random();
    if (kind < 0.8) file[at] = Math.floor(256 * random());
    else if (kind < 0.9) file = file.slice(0, at);
    else file = Uint8Array.from([...file.subarray(0, at), Math.floor(256 * random()), ...file.subarray(at)]);
  }
  return file;
}
