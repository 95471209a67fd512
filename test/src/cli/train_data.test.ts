import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import {describeData, openData} from '../../../src/cli/train_data.js';
import {SHAPES_DEFAULTS} from '../../../src/cli/train_defaults.js';
import {UsageError} from '../../../src/cli/usage_error.js';
import {DataError} from '../../../src/errors.js';

const none = {data: null, imageSize: null, limit: null, testLimit: null, seed: 0};

describe('the data of train', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'swint-data-'));
  });
  after(() => rm(dir, {recursive: true}));

  it('draws shapes where no folder is given', async () => {
    const {train, test} = await openData(none);
    expect([train.size, test.size]).to.deep.equal([SHAPES_DEFAULTS.trainImages, SHAPES_DEFAULTS.testImages]);
    const small = await openData({...none, limit: 20, testLimit: 10, imageSize: 16});
    expect(describeData(small)).to.match(
      /^shapes\/train: 20 images, shapes\/test: 10 images, 16x16x3, 10 classes \(circle, .*, arrow\)$/,
    );
  });

  it('shortens a long list of classes', async () => {
    const split = await openData(none);
    const classNames = Array.from({length: 100}, (_, i) => `c${i}`);
    expect(describeData({...split, train: {...split.train, classNames}})).to.match(
      /100 classes \(c0, .*, c8, \.\.\.\)$/,
    );
  });

  it('asks for a folder, in the name of --data', async () => {
    for (const data of [join(dir, 'nowhere'), join(dir, 'file')]) {
      await writeFile(join(dir, 'file'), '');
      const error = await openData({...none, data}).catch((reason) => reason);
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.equal(
        `train: --data must be a folder that is there; got ${data} (check the path).`,
      );
    }
  });

  it('knows CIFAR binaries by their names, and that they have one size', async () => {
    await writeFile(join(dir, 'test_batch.bin'), '');
    const resized = await openData({...none, data: dir, imageSize: 48}).catch((error) => error);
    expect(resized).to.be.instanceOf(UsageError);
    expect(resized.message).to.match(/--image-size must be 32 for CIFAR images; got 48/);
    // Complete only by name: the loader then says what is missing.
    expect(await openData({...none, data: dir}).catch((error) => error)).to.be.instanceOf(DataError);
  });
});
