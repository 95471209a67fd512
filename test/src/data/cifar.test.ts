import {expect} from 'chai';
import {parseCifar} from '../../../src/data/cifar.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {cifarBytes, cifarPixel} from './cifar_bytes.js';
import {errorOf} from './memory_dataset.js';

const HUNDRED = Array.from({length: 100}, (_, k) => `fine${k}`);
const TWENTY = Array.from({length: 20}, (_, k) => `coarse${k}`);

describe('parseCifar', () => {
  it('reads back CIFAR-10 records written from known pixels', async () => {
    const data = parseCifar(cifarBytes([[3], [9], [0]]), {kind: 'cifar10', name: 'some.bin'});
    expect([data.size, data.height, data.width, data.channels]).to.deep.equal([3, 32, 32, 3]);
    expect([0, 1, 2].map((i) => data.label(i))).to.deep.equal([3, 9, 0]);
    expect(data.classNames[9]).to.equal('truck');
    for (let i = 0; i < 3; i++) {
      const pixels = await data.read(i);
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          for (let c = 0; c < 3; c++) expect(pixels[(y * 32 + x) * 3 + c]).to.equal(cifarPixel(i, y, x, c));
        }
      }
    }
  });

  it('takes the fine or the coarse label of CIFAR-100', async () => {
    const bytes = cifarBytes([
      [4, 93],
      [19, 0],
    ]);
    const fine = parseCifar(bytes, {kind: 'cifar100', name: 'f', classNames: HUNDRED});
    const coarse = parseCifar(bytes, {kind: 'cifar100', name: 'c', labels: 'coarse', classNames: TWENTY});
    expect([fine.label(0), fine.label(1)]).to.deep.equal([93, 0]);
    expect([coarse.label(0), coarse.label(1)]).to.deep.equal([4, 19]);
    expect((await fine.read(1))[0]).to.equal(cifarPixel(1, 0, 0, 0));
    expect(await fine.read(1)).to.deep.equal(await coarse.read(1));
  });

  it('refuses a length that is not a number of records, naming file, length and record', () => {
    const bytes = cifarBytes([[1], [2]]);
    const cut = () => parseCifar(bytes.subarray(0, 5000), {kind: 'cifar10', name: 'cut.bin'});
    expect(cut).to.throw(DataError, /cut\.bin.*3073 bytes; got 5000 bytes/);
    const empty = () => parseCifar(new Uint8Array(0), {kind: 'cifar10', name: 'empty.bin'});
    expect(empty).to.throw(DataError, /empty\.bin.*got 0 bytes/);
    const other = () => parseCifar(bytes, {kind: 'cifar100', name: 'x.bin', classNames: HUNDRED});
    expect(other).to.throw(DataError, /3074 bytes; got 6146/);
  });

  it('refuses a label out of range, naming file and record', () => {
    expect(() => parseCifar(cifarBytes([[1], [10]]), {kind: 'cifar10', name: 'bad.bin'})).to.throw(
      DataError,
      /bad\.bin.*below 10; got 10 in record 1 of 2 \(6146 bytes, 3073 per record/,
    );
    const coarse = () =>
      parseCifar(cifarBytes([[20, 0]]), {kind: 'cifar100', name: 'b', labels: 'coarse', classNames: TWENTY});
    expect(coarse).to.throw(DataError, /below 20; got 20/);
  });

  it('refuses a wrong number of class names and an index out of range', async () => {
    const bytes = cifarBytes([[1, 1]]);
    expect(() => parseCifar(bytes, {kind: 'cifar100', name: 'n'})).to.throw(ConfigError, /100 names; got 0/);
    const data = parseCifar(bytes, {kind: 'cifar100', name: 'n', classNames: HUNDRED});
    expect(() => data.label(1)).to.throw(DataError);
    expect(await errorOf(() => data.read(0.5))).to.be.instanceOf(DataError);
  });
});
