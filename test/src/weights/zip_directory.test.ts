import {expect} from 'chai';
import {CheckpointError} from '../../../src/errors.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {ZipDirectory} from '../../../src/weights/zip_directory.js';
import {type StoredFile, storedZip} from '../../helpers/zip.js';

const open = (bytes: Uint8Array) => new ZipDirectory(bytesSource(bytes, 'file'));
const bytes = (...values: number[]) => Uint8Array.from(values);

const two: StoredFile[] = [
  {name: 'a/first', bytes: bytes(1, 2, 3, 4)},
  {name: 'a/second', bytes: bytes(5, 6)},
];

describe('zip directory', () => {
  for (const zip64 of [false, true]) {
    it(`reads stored files, all and in part, ${zip64 ? 'with' : 'without'} zip64`, () => {
      const zip = open(storedZip(two, zip64));
      expect([...zip.entries.keys()]).to.deep.equal(['a/first', 'a/second']);
      const [first, second] = [...zip.entries.values()];
      expect([...zip.read(first)]).to.deep.equal([1, 2, 3, 4]);
      expect([...zip.read(first, 1, 2)]).to.deep.equal([2, 3]);
      expect([...zip.read(second)]).to.deep.equal([5, 6]);
      expect(() => zip.read(second, 1, 2)).to.throw(CheckpointError, /second must have 3 bytes; got 2/);
    });
  }

  it('finds the directory before a comment', () => {
    const zip = storedZip(two);
    const longer = new Uint8Array(zip.length + 5);
    longer.set(zip);
    longer[zip.length - 2] = 5;
    expect(open(longer).entries.size).to.equal(2);
  });

  it('reads no file before it is asked for', () => {
    const zip = storedZip([{name: 'large', bytes: new Uint8Array(200_000)}, ...two]);
    let most = 0;
    const read = (offset: number, length: number) => {
      most = Math.max(most, length);
      return zip.subarray(offset, offset + length);
    };
    const {entries} = new ZipDirectory({name: 'file', size: zip.length, read});
    expect(entries.size).to.equal(3);
    expect(most).to.be.below(70_000);
  });

  /** The zip with bytes overwritten from `at` on, from the end where that is negative. */
  function damaged(at: number, ...values: number[]): Uint8Array {
    const zip = storedZip(two);
    zip.set(values, at < 0 ? zip.length + at : at);
    return zip;
  }

  const first = two[0];
  const bad: [string, Uint8Array, RegExp][] = [
    ['no bytes', bytes(), /at least 22 bytes; got 0/],
    ['no end record', new Uint8Array(100), /must end with PK\\5\\6/],
    ['a file cut short', storedZip(two).subarray(0, -1), /must end with PK\\5\\6/],
    ['a compressed file', storedZip([{...first, method: 8}]), /first must be stored, .*got method 8/],
    ['an encrypted file', storedZip([{...first, flags: 1}]), /first must not be encrypted/],
    ['two sizes', storedZip([{...first, stored: 3}]), /first must have its 4 bytes stored; got 3/],
    ['a file larger than there is', storedZip([{...first, size: 400}]), /first must end before .*got 400/],
    [
      'two files in one place',
      storedZip([first, {...first, name: 'b', begin: 0}]),
      /must end before what follows/,
    ],
    [
      'a file that overlaps the next',
      storedZip([{...first, size: 30}, two[1]]),
      /must end before what follows/,
    ],
    ['two files of one name', storedZip([first, first]), /must differ in their names/],
    ['more files than records', damaged(-12, 3), /must begin with PK\\1\\2/],
    ['fewer files than records', damaged(-12, 1), /must have \d+ bytes/],
    ['a directory beyond the end', damaged(-6, 0, 1, 1, 0), /directory must lie within the file/],
    ['sizes in a zip64 record that is not there', damaged(-6, 255, 255, 255, 255), /zip64 locator; got none/],
  ];
  for (const [name, file, message] of bad) {
    it(`${name}: one CheckpointError`, () => {
      expect(() => open(file)).to.throw(CheckpointError, message);
    });
  }

  it('finds a local header that is none when the file is read', () => {
    const zip = open(damaged(0, 0));
    const [entry] = zip.entries.values();
    expect(() => zip.read(entry)).to.throw(CheckpointError, /first must begin with PK\\3\\4/);
    const longName = open(damaged(26, 200));
    const [other] = longName.entries.values();
    expect(() => longName.read(other)).to.throw(CheckpointError, /must end before what follows it/);
  });
});
