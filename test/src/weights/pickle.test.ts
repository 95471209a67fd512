import {expect} from 'chai';
import {unpickle} from '../../../src/weights/pickle.js';
import {PickleBytes} from '../../../src/weights/pickle_bytes.js';
import {PickleFunction} from '../../../src/weights/pickle_machine.js';

const rules = {
  global: (module: string, name: string) => {
    if (module === 'allowed') return new PickleFunction((args) => ({name, args}));
    throw new Error(`refused ${module}.${name}`);
  },
  persistent: (id: unknown) => ({id}),
  take: () => {},
  fail: (rule: string, got: string) => new Error(`${rule}; got ${got}`),
};

/** Opcodes as text, one character a byte. */
const run = (program: string) =>
  unpickle(
    Uint8Array.from(program, (letter) => letter.charCodeAt(0)),
    rules,
  );

/** The bytes of memory that a program says it takes, and how often it reads. */
function counted(program: string) {
  let taken = 0;
  let steps = 0;
  const {skip} = PickleBytes.prototype;
  PickleBytes.prototype.skip = function (length) {
    steps++;
    return skip.call(this, length);
  };
  try {
    const bytes = Uint8Array.from(program, (letter) => letter.charCodeAt(0));
    const take = (more: number) => {
      taken += more;
    };
    unpickle(bytes, {...rules, take});
  } catch {
    // What it took until then counts.
  } finally {
    PickleBytes.prototype.skip = skip;
  }
  return {taken, steps};
}

const repeat = (text: string, count: number) => text.repeat(count);

describe('pickle', () => {
  // As Python's pickle.dumps writes them, protocols 2 and 4.
  const values: [string, string, unknown][] = [
    ['None, True, False', '\x80\x02N\x88\x89\x87q\x00.', [null, true, false]],
    ['small integers', '\x80\x02(K\x07M\x01\x02J\xfe\xff\xff\xfft.', [7, 513, -2]],
    ['long integers', '\x80\x02\x8a\x05\x00\x00\x00\x00\x01\x8a\x01\xfb\x86.', [2 ** 32, -5]],
    ['a float', '\x80\x02G\xbf\xf8\x00\x00\x00\x00\x00\x00.', -1.5],
    ['text', '\x80\x02X\x03\x00\x00\x00a\xc3\xa9.', 'aé'],
    [
      'short text and bytes',
      '\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94C\x02\x01\x02\x86.',
      ['a', Uint8Array.of(1, 2)],
    ],
    [
      'a list, remembered',
      '\x80\x02]q\x01(K\x01K\x02eh\x01\x86.',
      [
        [1, 2],
        [1, 2],
      ],
    ],
    ['an item appended', '\x80\x02]K\x01a.', [1]],
    [
      'a dict',
      '\x80\x02}(X\x01\x00\x00\x00aK\x01K\x02Nu.',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, null],
      ]),
    ],
    ['an item set', '\x80\x02}X\x01\x00\x00\x00aK\x01s.', new Map([['a', 1]])],
    ['names of properties', '\x80\x02}X\x09\x00\x00\x00__proto__K\x01s.', new Map([['__proto__', 1]])],
    ['what is remembered by number', '\x80\x04]\x94K\x05\x94\x86h\x01\x86.', [[[], 5], 5]],
    ['attributes of a dict, left out', '\x80\x02}}X\x01\x00\x00\x00aK\x01sb.', new Map()],
    ['a call', '\x80\x02callowed\nf\nK\x01\x85R.', {name: 'f', args: [1]}],
    ['a call, protocol 4', '\x80\x04\x8c\x07allowed\x8c\x01f\x93)R.', {name: 'f', args: []}],
    ['a persistent id', '\x80\x02K\x09Q.', {id: 9}],
    ['what is thrown away', '\x80\x02K\x01K\x02(K\x0310.', 1],
  ];
  for (const [name, program, expected] of values) {
    it(`reads ${name}`, () => expect(run(program)).to.deep.equal(expected));
  }

  const bad: [string, string, RegExp][] = [
    ['nothing', '', /must end with an opcode/],
    ['no end', '\x80\x02N', /must end with an opcode/],
    ['text longer than the file', '\x80\x02X\xff\xff\xff\x7fa.', /must end with an opcode/],
    ['protocol 6', '\x80\x06N.', /protocol of a pickle must be 2, 3, 4 or 5; got 6/],
    ['protocol 0', 'I1\n.', /hold data only; got opcode 0x49/],
    ['an object of a class', '\x80\x02callowed\nf\n)\x81.', /hold data only; got opcode 0x81/],
    ['a name that is not allowed', '\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.', /refused os.system/],
    ['a call of what is no function', '\x80\x02]K\x01\x85R.', /function that is allowed/],
    ['a call without arguments', '\x80\x02callowed\nf\nNR.', /function that is allowed/],
    ['attributes of a list', '\x80\x02]}b.', /only a dict may have attributes/],
    ['an empty stack', '\x80\x020.', /stack must hold/],
    ['too few for a tuple', '\x80\x02N\x87.', /stack must hold/],
    ['a mark that is not there', '\x80\x02Nt.', /must be a mark/],
    ['a mark that is left', '\x80\x02(N.', /one value must be left/],
    ['two values', '\x80\x02NN.', /one value must be left/],
    ['what was never remembered', '\x80\x02h\x05.', /must have been remembered; got 5/],
    ['a key without a value', '\x80\x02}(K\x01u.', /every key of a dict/],
    ['items of a list', '\x80\x02](K\x01K\x02u.', /must be a dict/],
    ['an item appended to a dict', '\x80\x02}K\x01a.', /must be a list/],
    ['a million lists', `\x80\x02${repeat(']', 1_000_000)}.`, /at most 300000 opcodes/],
    ['a million marks', `\x80\x02${repeat('(', 1_000_000)}.`, /at most 300000 opcodes/],
    ['a stack that doubles', `\x80\x02N${repeat('2', 1_000_000)}.`, /at most 300000 opcodes/],
  ];
  for (const [name, program, message] of bad) {
    it(`refuses ${name}`, () => expect(() => run(program)).to.throw(message));
  }

  // What V8 takes for one at least, with its place on the stack, in the memo, in a list or in a dict.
  const objects: [string, string, number][] = [
    ['lists', ']', 24],
    ['lists of one', ']Na', 176],
    ['dicts', '}', 190],
    ['dicts of one', '}NNs', 190],
    ['tuples of three', 'NNN\x87', 64],
    ['lists of a mark', '(l', 24],
    ['fractions', `G${'\x01'.repeat(8)}`, 24],
    ['large integers', `J${'\x7f'.repeat(4)}`, 8],
    ['texts', '\x8c\x05abcde', 40],
    ['bytes', 'C\x01a', 112],
    ['text of two bytes a letter', `X\xd0\x07\x00\x00${'\xc4\x81'.repeat(1000)}`, 2000],
    ['text that is mostly of one', `X\xe9\x03\x00\x00\xc4\x81${'a'.repeat(999)}`, 2000],
    ['names of classes', `callowed\n${'n'.repeat(200)}\n`, 400],
    ['calls', 'callowed\nf\n)R', 200],
    ['copies of the top', 'N2', 16],
    ['marks', '(', 8],
  ];
  for (const [name, program, least] of objects) {
    it(`says what ${name} take before they are made`, () => {
      const count = 1000;
      expect(counted(`\x80\x02${repeat(program, count)}`).taken / count).to.be.at.least(least);
    });
  }

  it('says what is remembered under each number, once', () => {
    const put = (i: number) => `r${String.fromCharCode(i & 255, i >> 8)}\0\0`;
    const many = Array.from({length: 1000}, (_, i) => put(i)).join('');
    expect(counted(`\x80\x02N${many}`).taken / 1000).to.be.at.least(12);
    expect(counted(`\x80\x02N${repeat(put(7), 1000)}`).taken).to.be.below(250);
  });

  it('takes numbers of the memo in order, or a little further', () => {
    expect(run('\x80\x02Nq\xffK\x01q\x000h\xff\x86.')).to.deep.equal([null, null]);
    expect(() => run('\x80\x02Nq\xffh\x01.')).to.throw(/must have been remembered; got 1/);
    expect(() => run('\x80\x02Nr\x00\x00\x01\x00.')).to.throw(/numbered in order, from 0 on; got 65536/);
  });

  it('names ten thousand classes and functions at most', () => {
    expect(() => run(`\x80\x02${repeat('callowed\nf\n0', 10_001)}N.`)).to.throw(/at most 10000 classes/);
    expect(run(`\x80\x02${repeat('callowed\nf\n0', 10_000)}N.`)).to.equal(null);
  });

  it('reads whole numbers of any length in a few steps', () => {
    const long = (bytes: string) => run(`\x80\x02\x8a${String.fromCharCode(bytes.length)}${bytes}.`);
    expect(long(`${'\0'.repeat(40)}\x01`)).to.equal(2 ** 320);
    expect(long(`${'\0'.repeat(40)}\xff`)).to.equal(-(2 ** 320));
  });

  it('says nothing for what is taken off and put on again', () => {
    expect(counted(`\x80\x02${repeat('N0', 1000)}`).taken).to.be.below(100);
  });

  it('passes over a name without an end in a few steps, and takes none that is long', () => {
    expect(counted(`\x80\x02c${'a'.repeat(100_000)}`).steps).to.be.below(10);
    for (const program of [
      `\x80\x02c${'a'.repeat(300)}\nb\n.`,
      `\x80\x04X\x2c\x01\0\0${'a'.repeat(300)}\x8c\x01b\x93.`,
    ]) {
      expect(() => run(program)).to.throw(/names of at most 256 characters/);
    }
  });

  it('leaves a text of more than 64 KB as the bytes that it is', () => {
    const length = 2 ** 16 + 1;
    const program = `\x80\x02X\x01\x00\x01\x00${'a'.repeat(length)}`;
    expect(run(`${program}.`)).to.deep.equal(new Uint8Array(length).fill(97));
    expect(counted(program).taken).to.be.below(200);
  });
});
