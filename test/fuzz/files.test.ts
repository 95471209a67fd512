/** Some damaged files of each format; see files.ts. All of them: `npm run fuzz -- --files`. */
import {expect} from 'chai';
import type {FileFormat} from './files/file_format.js';
import {models} from './files/models.js';
import {formats, fuzzFiles, large} from './files.js';

const COUNT = 300;

describe('damaged files', () => {
  for (const format of formats) {
    it(`${COUNT} of ${format.name} are read, or refused by one of our errors`, async () => {
      const {ran, read, failures} = await fuzzFiles(format, {seed: 1, count: COUNT});
      expect(failures).to.deep.equal([]);
      expect(ran).to.equal(COUNT);
      // Otherwise the damage would be too small, or so great that only the beginning of a reader is tested.
      expect(read / COUNT).to.be.within(0.005, 0.9);
    });
  }

  it('a layer in the place of a constraint leaves no weight behind', async () => {
    const {failures} = await fuzzFiles(models, {seed: 3, from: 1026, count: 1});
    expect(failures).to.deep.equal([]);
  });

  it('images that announce more than they have are refused, within the same memory', async () => {
    expect(await fuzzFiles(large, {seed: 1, count: 8})).to.deep.equal({ran: 8, read: 0, failures: []});
  });
});

describe('the fuzzer of files', () => {
  const broken = (run: () => boolean, mostMemory = 2 ** 40): FileFormat => ({
    name: 'broken',
    mostMemory,
    open: async () => ({run: async () => ({read: run(), size: 1})}),
  });

  it('reports another error than ours with the command that repeats it', async () => {
    let index = 0;
    const format = broken(() => {
      if (index++ === 2) throw new TypeError('raw');
      return true;
    });
    const {ran, read, failures} = await fuzzFiles(format, {seed: 7, count: 4});
    expect([ran, read, failures.length]).to.deep.equal([4, 3, 1]);
    expect(failures[0]).to.match(
      /^npm run fuzz -- --files --operation broken --seed 7 --case 2: TypeError: raw/,
    );
  });

  it('reports memory, once', async () => {
    let taken = 0;
    const format = broken(() => {
      taken += 400;
      return true;
    }, 1000);
    const {failures} = await fuzzFiles(format, {seed: 7, count: 5, memory: () => taken});
    expect(failures).to.deep.equal([
      'npm run fuzz -- --files --operation broken --seed 7 --case 2: the memory must grow by at most 1000 bytes; got 1200.',
    ]);
  });
});
