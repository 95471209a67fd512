import {execFileSync, spawnSync} from 'node:child_process';
import {symlink} from 'node:fs/promises';
import {expect} from 'chai';
import {DataError} from '../../../src/errors.js';
import {cifarFiles} from '../../../src/node/cifar_files.js';
import {type DecoderChoice, decodeImage, imageDecoder} from '../../../src/node/image_file.js';
import {maskFolder} from '../../../src/node/mask_folder.js';
import {swinFromCheckpoint} from '../../../src/node/weight_files.js';
import {errorOf} from '../data/memory_dataset.js';
import {type MadePng, madePng, progressiveJpeg} from './made_images.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

/** Node makes no FIFO; POSIX has a program that does. */
const MKFIFO = 'mkfifo';

/** Rows of a grey PNG of 8 bits, each with its filter byte. */
const rows = (height: number, width: number) => new Uint8Array(height * (width + 1));

describe('image files that lie', () => {
  const path = temporaryFolder();
  const decoders: DecoderChoice[] = ['plain'];
  before(async () => {
    if ((await imageDecoder()) === 'sharp') decoders.push('sharp');
  });

  async function refused(bytes: Uint8Array, message: RegExp, name = 'liar'): Promise<void> {
    for (const decoder of decoders) {
      const error = await errorOf(() => decodeImage(bytes, {decoder, name}));
      expect(error, decoder).to.be.instanceOf(DataError);
      expect(error.message, decoder).to.include(`decodeImage(${name}): `).and.to.match(message);
    }
  }

  const pngs: [string, MadePng, RegExp][] = [
    [
      '2^31-1 pixels a side',
      {width: 2 ** 31 - 1, height: 2 ** 31 - 1, rows: rows(1, 1)},
      /at most 16,8\d\d,\d{3} pixels for its \d+ bytes; got 2147483647x2147483647/,
    ],
    [
      '20,000 pixels a side',
      {width: 20_000, height: 20_000, rows: rows(1, 1)},
      /at most .* pixels for its .* got 20000x20000, 400,000,000 pixels/,
    ],
    [
      'a size that rows do not fill',
      {width: 4000, height: 4000, rows: rows(8, 4000)},
      /image data for its size; got 32008|intact/,
    ],
    [
      'an interlaced size that rows do not fill',
      {width: 64, height: 64, interlace: 1, rows: rows(8, 64)},
      /4216 bytes of image data|intact/,
    ],
    ['height 0', {width: 8, height: 0, rows: rows(1, 8)}, /must have 1 to 2147483647 pixels a side; got 0x8/],
    ['width 0', {width: 0, height: 8, rows: rows(8, 0)}, /must have 1 to 2147483647 pixels a side; got 8x0/],
    ['no image data', {width: 8, height: 8, rows: null}, /must have image data; got none/],
    ['3 bits', {width: 8, height: 8, depth: 3, rows: rows(8, 8)}, /header of the specification; got 3 bits/],
    [
      'interlace 2',
      {width: 8, height: 8, interlace: 2, rows: rows(8, 8)},
      /header of the specification.*interlace 2/,
    ],
  ];
  for (const [what, png, message] of pngs) {
    it(`refuses a PNG of ${what}`, () => refused(madePng(png), message));
  }

  it('refuses a PNG whose image data is longer than its size, without inflating all of it', async () => {
    const bomb = madePng({width: 8, height: 8, rows: new Uint8Array(2 ** 28)});
    const before = process.memoryUsage.rss();
    const error = await errorOf(() => decodeImage(bomb, {decoder: 'plain'}));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/must have 72 bytes of image data for its size; got more/);
    expect(process.memoryUsage.rss() - before).to.be.below(2 ** 26);
  });

  it('knows the length of an interlaced PNG, whatever its size', async function () {
    if (!decoders.includes('sharp')) this.skip();
    const {default: sharp} = await import('sharp');
    for (let width = 1; width <= 9; width++) {
      for (let height = 1; height <= 9; height++) {
        const data = Uint8Array.from({length: width * height * 3}, (_, i) => (i * 37) % 256);
        const raw = {width, height, channels: 3} as const;
        const png = await sharp(data, {raw}).png({progressive: true}).toBuffer();
        const decoded = await decodeImage(png, {decoder: 'plain'});
        expect(decoded.data, `${height}x${width}`).to.deep.equal(data);
      }
    }
  });

  it('refuses a JPEG of too many scans, too many pixels for its bytes, or no height', async () => {
    await refused(progressiveJpeg(16_000, 16_000, 2_000), /at most 100 scans; got 2000/);
    await refused(progressiveJpeg(16_000, 16_000, 3), /at most .* pixels for its \d+ bytes; got 16000x16000/);
    await refused(progressiveJpeg(16, 0, 3), /pixels a side; got 0x16/);
    for (const decoder of decoders) {
      expect((await decodeImage(progressiveJpeg(8, 8, 100), {decoder})).data).to.have.length(192);
    }
  });

  it('takes a large image with the bytes for it', async () => {
    const side = 4200; // more than 2^24 pixels
    const noise = new Uint8Array(side * (side + 1));
    for (let i = 0; i < side * side; i += 64) noise[i + Math.floor(i / side) + 1] = (i * i) % 251;
    const png = madePng({width: side, height: side, rows: noise});
    for (const decoder of decoders) expect((await decodeImage(png, {decoder})).width).to.equal(side);
  });

  it('asks for an ordinary file, and does not wait for a FIFO', async function () {
    if (spawnSync(MKFIFO, ['--version']).error) this.skip();
    await put(path('masks', 'image', 'a.png'), pngOf([1, 1, 1]));
    await put(path('masks', 'image', 'b.png'), pngOf([1, 1, 1]));
    await put(path('masks', 'label', 'b.png'), pngOf([1, 1, 1]));
    for (let n = 1; n <= 5; n++) await put(path('cifar', `data_batch_${n}.bin`), new Uint8Array(3073));
    execFileSync(MKFIFO, [
      path('a.jpg'),
      path('masks', 'label', 'a.png'),
      path('cifar', 'test_batch.bin'),
      path('x.pth'),
    ]);
    await symlink('/dev/zero', path('zero.png'));
    const cases: [() => Promise<unknown>, RegExp][] = [
      [() => decodeImage(path('a.jpg')), /a\.jpg.*got a FIFO/],
      [() => decodeImage(path('zero.png')), /zero\.png.*got a device/],
      [() => decodeImage(path('masks')), /masks.*got a folder/],
      [() => maskFolder(path('masks'), {classes: ['x', 'y']}), /label.a\.png.*got a FIFO/],
      [() => cifarFiles(path('cifar')), /test_batch\.bin.*got a FIFO/],
      [() => swinFromCheckpoint(path('x.pth')), /x\.pth.*got a FIFO/],
    ];
    for (const [read, message] of cases) expect((await errorOf(read)).message).to.match(message);
  });

  it('decodes what only sharp can, and says so without it', async function () {
    if (!decoders.includes('sharp')) this.skip();
    const {default: sharp} = await import('sharp');
    for (const format of ['webp', 'gif', 'avif', 'tiff'] as const) {
      const bytes = await sharp(jpegOf([200, 100, 50], 24, 16))
        .toFormat(format)
        .toBuffer();
      const {data, width, height} = await decodeImage(bytes);
      expect([width, height], format).to.deep.equal([24, 16]);
      expect(
        [...data.subarray(0, 3)].map((value) => Math.round(value / 10)),
        format,
      ).to.deep.equal([20, 10, 5]);
      const error = await errorOf(() => decodeImage(bytes, {decoder: 'plain', name: 'a'}));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(
        /decodeImage\(a\): the image must be JPEG or PNG to be decoded without sharp; got .*npm install sharp/,
      );
    }
  });
});
