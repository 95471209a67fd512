import {expect} from 'chai';
import {DataError} from '../../../src/errors.js';
import {cifarFiles, detectCifar} from '../../../src/node/cifar_files.js';
import {cifarBytes, cifarPixel} from '../data/cifar_bytes.js';
import {errorOf} from '../data/memory_dataset.js';
import {put, temporaryFolder} from './temporary_folder.js';

const names = (count: number, prefix: string) =>
  Array.from({length: count}, (_, k) => `${prefix}${k}\n`).join('') + '\n';

describe('cifarFiles', () => {
  const path = temporaryFolder();

  before(async () => {
    for (let n = 1; n <= 5; n++) await put(path('ten', `data_batch_${n}.bin`), cifarBytes([[n], [9 - n]]));
    await put(path('ten', 'test_batch.bin'), cifarBytes([[7]]));
    await put(path('hundred', 'train.bin'), cifarBytes([[3, 42]]));
    await put(path('hundred', 'test.bin'), cifarBytes([[19, 99]]));
    await put(path('hundred', 'fine_label_names.txt'), names(100, 'fine'));
    await put(path('hundred', 'coarse_label_names.txt'), names(20, 'coarse'));
  });

  it('joins the five batches of CIFAR-10', async () => {
    expect(await detectCifar(path('ten'))).to.equal('cifar10');
    const {train, test} = await cifarFiles(path('ten'));
    expect([train.name, train.size, test.name, test.size]).to.deep.equal([
      'cifar10/train',
      10,
      'cifar10/test',
      1,
    ]);
    expect(Array.from({length: 10}, (_, i) => train.label(i))).to.deep.equal([1, 8, 2, 7, 3, 6, 4, 5, 5, 4]);
    expect(train.classNames[0]).to.equal('airplane');
    expect((await train.read(7))[3 * 33 + 2]).to.equal(cifarPixel(1, 1, 1, 2));
    expect(await errorOf(() => train.read(10))).to.be.instanceOf(DataError);
    await put(path('ten', 'batches.meta.txt'), names(10, 'name'));
    expect((await cifarFiles(path('ten'))).test.classNames[9]).to.equal('name9');
  });

  it('reads CIFAR-100 with fine or coarse labels', async () => {
    expect(await detectCifar(path('hundred'))).to.equal('cifar100');
    const fine = await cifarFiles(path('hundred'));
    const coarse = await cifarFiles(path('hundred'), {labels: 'coarse'});
    expect(fine.train.classNames[fine.train.label(0)]).to.equal('fine42');
    expect(coarse.test.classNames[coarse.test.label(0)]).to.equal('coarse19');
  });

  it('says which files are missing', async () => {
    await put(path('part', 'data_batch_1.bin'), cifarBytes([[1]]));
    expect(await detectCifar(path('part'))).to.equal('cifar10');
    const part = await errorOf(() => cifarFiles(path('part')));
    expect(part).to.be.instanceOf(DataError);
    expect(part.message).to.match(/missing: data_batch_2\.bin, .*test_batch\.bin/);
    await put(path('nameless', 'train.bin'), cifarBytes([[1, 1]]));
    await put(path('nameless', 'test.bin'), cifarBytes([[1, 1]]));
    expect((await errorOf(() => cifarFiles(path('nameless')))).message).to.match(
      /missing: fine_label_names\.txt/,
    );
    await put(path('other', 'readme.md'), 'nothing');
    expect(await detectCifar(path('other'))).to.equal(null);
    const other = await errorOf(() => cifarFiles(path('other')));
    expect(other).to.be.instanceOf(DataError);
    expect(other.message).to.match(/must hold data_batch_1\.bin/);
    const nowhere = await errorOf(() => cifarFiles(path('nowhere')));
    expect(nowhere).to.be.instanceOf(DataError);
    expect(nowhere.message).to.match(/nowhere.*must be readable/);
  });

  it('names the file of a wrong length, label or list of names', async () => {
    const fresh = async (name: string) => {
      await put(path(name, 'train.bin'), cifarBytes([[1, 1]]));
      await put(path(name, 'test.bin'), cifarBytes([[1, 1]]));
      await put(path(name, 'fine_label_names.txt'), names(100, 'fine'));
    };
    await fresh('short');
    await put(path('short', 'test.bin'), cifarBytes([[1, 1]]).subarray(1));
    const short = await errorOf(() => cifarFiles(path('short')));
    expect(short).to.be.instanceOf(DataError);
    expect(short.message).to.match(/short.test\.bin.*3074 bytes; got 3073/);
    await fresh('label');
    await put(path('label', 'train.bin'), cifarBytes([[1, 100]]));
    expect((await errorOf(() => cifarFiles(path('label')))).message).to.match(/label.train\.bin.*got 100/);
    await fresh('names');
    await put(path('names', 'fine_label_names.txt'), names(99, 'fine'));
    const wrong = await errorOf(() => cifarFiles(path('names')));
    expect(wrong).to.be.instanceOf(DataError);
    expect(wrong.message).to.match(/fine_label_names\.txt.*100 class names.*got 99/);
  });
});
