import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect} from 'chai';
import jpeg from 'jpeg-js';
import {PNG} from 'pngjs';
import {ConfigError, DataError} from '../../../src/errors.js';
import {type DecoderChoice, decodeImage, encodePng, imageDecoder} from '../../../src/node/image_file.js';
import {errorOf} from '../data/memory_dataset.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

/** A JPEG of 32x16 whose quarters are red, green / blue, white, with an Exif orientation. */
function quarters(orientation: number): Uint8Array {
  const [width, height] = [32, 16];
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = y < 8 ? (x < 16 ? [255, 0, 0] : [0, 255, 0]) : x < 16 ? [0, 0, 255] : [255, 255, 255];
      data.set([...colour, 255], 4 * (y * width + x));
    }
  }
  const plain = new Uint8Array(jpeg.encode({data, width, height}, 95).data);
  // APP1: length, 'Exif', big-endian TIFF header, a directory of one entry: tag 0x112, type short, count 1, value.
  const tiff = [
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    0x01,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const payload = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
  return Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, payload.length + 2, ...payload, ...plain.subarray(2)]);
}

/** Names of the colours in the four corners, row by row. */
function corners({data, width, height}: {data: Uint8Array; width: number; height: number}): string {
  const at = (y: number, x: number) => {
    const [r, g, b] = data.subarray((y * width + x) * 3).map((v) => (v > 127 ? 1 : 0));
    return {100: 'r', 10: 'g', 1: 'b', 111: 'w'}[100 * r! + 10 * g! + b!] ?? '?';
  };
  const [y, x] = [height - 3, width - 3];
  return at(2, 2) + at(2, x) + at(y, 2) + at(y, x);
}

describe('image files', () => {
  const path = temporaryFolder();
  const decoders: DecoderChoice[] = ['plain'];

  before(async function () {
    if ((await imageDecoder()) === 'sharp') decoders.push('sharp', 'auto');
    else
      console.log(
        `      ${this.test!.parent!.title}: sharp is not installed, only the plain decoder is tested`,
      );
  });

  /** Runs `check` with every decoder there is. */
  async function each(check: (decoder: DecoderChoice) => Promise<void>): Promise<void> {
    for (const decoder of decoders) await check(decoder);
  }

  it('decodes JPEG and PNG, from a path or bytes, to RGB', async () => {
    await put(path('a.jpg'), jpegOf([200, 100, 50], 24, 16));
    await put(path('a.png'), pngOf([200, 100, 50], 24, 16));
    await each(async (decoder) => {
      for (const source of [path('a.jpg'), path('a.png'), jpegOf([200, 100, 50], 24, 16)]) {
        const {data, width, height} = await decodeImage(source, {decoder});
        expect([width, height, data.length]).to.deep.equal([24, 16, 24 * 16 * 3]);
        expect(data.constructor).to.equal(Uint8Array);
        data.forEach((v, i) => {
          expect(v).to.be.closeTo([200, 100, 50][i % 3]!, 3);
        });
      }
    });
  });

  it('encodes PNGs that decode to the same bytes', async () => {
    const rgb = Uint8Array.from({length: 7 * 5 * 3}, (_, i) => (i * 37) % 256);
    const png = encodePng(rgb, 7, 5);
    await each(async (decoder) => {
      expect((await decodeImage(png, {decoder})).data).to.deep.equal(rgb);
    });
    for (const side of [undefined, 0, 1.5, Number.NaN]) {
      expect(() => encodePng(rgb, side as number, 5)).to.throw(
        DataError,
        /encodePng: width must be a whole number from 1; got/,
      );
    }
    expect(() => encodePng(rgb, 5, 5)).to.throw(DataError, /75 RGB bytes.*got 105/);
  });

  it('repeats grey, composites transparency on white, reduces 16 bits', async () => {
    const grey = new PNG({width: 2, height: 1});
    grey.data.set([90, 90, 90, 255, 10, 10, 10, 255]);
    const clear = new PNG({width: 3, height: 1});
    clear.data.set([255, 0, 0, 255, 0, 0, 0, 0, 100, 0, 0, 128]);
    const deep = PNG.sync.write(
      {width: 1, height: 1, data: Buffer.from(Uint16Array.from([0x8080, 0xffff, 0, 0xffff]).buffer)} as PNG,
      {bitDepth: 16, colorType: 6, inputColorType: 6},
    );
    await each(async (decoder) => {
      const decoded = async (png: Uint8Array) => Array.from((await decodeImage(png, {decoder})).data);
      const close = (got: number[], expected: number[]) => {
        expect(got).to.have.length(expected.length);
        got.forEach((v, i) => {
          expect(v).to.be.closeTo(expected[i]!, 1);
        });
      };
      close(await decoded(PNG.sync.write(grey, {colorType: 0})), [90, 90, 90, 10, 10, 10]);
      close(await decoded(PNG.sync.write(clear)), [255, 0, 0, 255, 255, 255, 177, 127, 127]);
      close(await decoded(deep), [128, 255, 0]);
    });
  });

  it('turns photographs upright, all eight orientations, the same with every decoder', async () => {
    // The stored corners are r g / b w; what each Exif orientation shows.
    const shown = ['rgbw', 'grwb', 'wbgr', 'bwrg', 'rbgw', 'brwg', 'wgbr', 'gwrb'];
    await each(async (decoder) => {
      for (let orientation = 1; orientation <= 8; orientation++) {
        const image = await decodeImage(quarters(orientation), {decoder});
        expect(corners(image), `${decoder} ${orientation}`).to.equal(shown[orientation - 1]);
        expect(image.width).to.equal(orientation >= 5 ? 16 : 32);
      }
    });
  });

  it('refuses a JPEG or PNG cut anywhere, naming the file', async () => {
    const jpegFile = quarters(6);
    const pngFile = pngOf([1, 2, 3], 20);
    await each(async (decoder) => {
      for (const [name, bytes] of [
        ['cut.jpg', jpegFile],
        ['cut.png', pngFile],
      ] as const) {
        for (const length of [bytes.length - 1, bytes.length - 2, bytes.length - 13, bytes.length >> 1, 12]) {
          await put(path(name), bytes.subarray(0, length));
          const error = await errorOf(() => decodeImage(path(name), {decoder}));
          expect(error, `${decoder} ${name} ${length}`).to.be.instanceOf(DataError);
          expect(error.message)
            .to.include(name)
            .and.match(/must be (complete|intact)/);
        }
      }
    });
  });

  it('refuses a JPEG and a PNG damaged inside', async () => {
    const whole = quarters(1);
    const shortened = Uint8Array.from([...whole.subarray(0, whole.length - 40), 0xff, 0xd9]);
    const png = pngOf([1, 2, 3], 20);
    const flipped = png.slice();
    flipped[png.length - 20]! ^= 0xff; // in the pixel data, whose checksum then fails
    await each(async (decoder) => {
      for (const bytes of [shortened, flipped]) {
        const error = await errorOf(() => decodeImage(bytes, {decoder, name: 'damaged'}));
        expect(error).to.be.instanceOf(DataError);
        expect(error.message).to.include('decodeImage(damaged)');
      }
    });
  });

  it('refuses what is no image, and a file that is not there', async () => {
    await put(path('text.jpg'), 'no image at all');
    await put(path('empty.png'), '');
    await each(async (decoder) => {
      for (const [name, message] of [
        ['text.jpg', /must be JPEG or PNG; got 15 bytes/],
        ['empty.png', /must be JPEG or PNG; got 0 bytes/],
        ['missing.jpg', /must be readable.*ENOENT/],
      ] as const) {
        const error = await errorOf(() => decodeImage(path(name), {decoder}));
        expect(error).to.be.instanceOf(DataError);
        expect(error.message).to.include(name).and.match(message);
      }
    });
  });

  it('says who decodes and refuses an unknown choice', async () => {
    expect(await imageDecoder()).to.be.oneOf(['sharp', 'jpeg-js/pngjs']);
    const error = await errorOf(() => decodeImage(pngOf([1, 2, 3]), {decoder: 'canvas' as 'auto'}));
    expect(error).to.be.instanceOf(ConfigError);
  });

  it("falls back to the plain decoder for 'auto' where sharp cannot be imported, and says so", async () => {
    // A fresh process whose module loader knows no sharp.
    const hooks = `export async function resolve(name, context, next) {
      if (name === 'sharp') throw new Error('no sharp here');
      return next(name, context);
    }`;
    const asUrl = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
    const hide = `import {register} from 'node:module'; register(${JSON.stringify(asUrl(hooks))});`;
    const file = new URL('../../../src/node/image_file.ts', import.meta.url).href;
    const script = `import {decodeImage, imageDecoder} from ${JSON.stringify(file)};
      const png = Buffer.from('${Buffer.from(pngOf([9, 8, 7], 1)).toString('base64')}', 'base64');
      const {data} = await decodeImage(png);
      const refused = await decodeImage(png, {decoder: 'sharp'}).catch((error) => error);
      console.log(JSON.stringify([await imageDecoder(), [...data], refused.name, refused.message]));`;
    const node = ['--import', 'tsx', '--import', asUrl(hide), '--input-type=module', '--eval', script];
    const {stdout} = await promisify(execFile)(process.execPath, node);
    const [decoder, data, name, message] = JSON.parse(stdout);
    expect([decoder, data, name]).to.deep.equal(['jpeg-js/pngjs', [9, 8, 7], 'ConfigError']);
    expect(message).to.match(/decoder 'sharp' must be installed; got .*npm install sharp/);
  });
});
