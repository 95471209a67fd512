import {expect} from 'chai';
import {imageDecoder} from '../../src/node/image_file.js';
import {damagedFile, KINDS, LARGE, readDamaged} from './image_files.js';

/** Files of each kind; SWINT_FUZZ_FILES=10000 and SWINT_FUZZ_SEED=... for more and for others. */
const COUNT = Number(process.env.SWINT_FUZZ_FILES ?? 200);
const SEED = process.env.SWINT_FUZZ_SEED ?? '0';

/** Far more than the largest image that a file of this size may be takes: 16 million pixels of 40 bytes. */
const MOST_BYTES = 1.5e9;

describe('damaged files of images', () => {
  const decoders: ('plain' | 'sharp')[] = ['plain'];
  before(async () => {
    if ((await imageDecoder()) === 'sharp') decoders.push('sharp');
  });

  for (const kind of KINDS) {
    it(`${COUNT} of ${kind}: an image or a DataError, within the memory of the largest`, async () => {
      const start = process.memoryUsage.rss();
      const read = {yes: 0, no: 0};
      for (const decoder of decoders) {
        for (let n = 0; n < COUNT; n++) {
          const seed = `${SEED}/${n}`;
          const bytes = damagedFile(kind, seed);
          try {
            read[(await readDamaged(kind, bytes, decoder)) ? 'yes' : 'no']++;
          } catch (error) {
            throw new Error(`damagedFile('${kind}', '${seed}') with ${decoder}: ${(error as Error).stack}`, {
              cause: error,
            });
          }
        }
      }
      expect(process.memoryUsage.rss() - start).to.be.below(MOST_BYTES);
      // Neither all whole nor all refused at the first byte.
      expect(read.yes).to.be.above(0);
      expect(read.no).to.be.above(0);
    });
  }

  it('files that announce more than they have: a DataError, within the same memory', async () => {
    const start = process.memoryUsage.rss();
    for (const decoder of decoders) {
      expect(await readDamaged('png', LARGE.png, decoder), `png ${decoder}`).to.equal(false);
      expect(await readDamaged('jpeg', LARGE.jpeg, decoder), `jpeg ${decoder}`).to.equal(false);
    }
    expect(process.memoryUsage.rss() - start).to.be.below(MOST_BYTES);
  });
});
