import {expect} from 'chai';
import {unpickle} from '../../../src/weights/pickle.js';
import {PickleFunction} from '../../../src/weights/pickle_machine.js';

const rules = {
  global: (module: string, name: string) => {
    if (module === 'allowed') return new PickleFunction((args) => ({name, args}));
    throw new Error(`refused ${module}.${name}`);
  },
  persistent: (id: unknown) => ({id}),
  fail: (rule: string, got: string) => new Error(`${rule}; got ${got}`),
};

/** Opcodes as text, one character a byte. */
const run = (program: string) =>
  unpickle(
    Uint8Array.from(program, (letter) => letter.charCodeAt(0)),
    rules,
  );

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
});
