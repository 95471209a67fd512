import {readdir, readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {expect} from 'chai';
import {bar} from '../../../src/cli/bars.js';
import {decodeImage, encodePng} from '../../../src/node/image_file.js';
import {opened} from '../../helpers/opened.js';
import {jpegOf, pngOf, put, temporaryFolder} from '../node/temporary_folder.js';
import {saveBrightnessSegmenter, saveColourClassifier, saveSidesClassifier, swint} from './cli_models.js';

/** softmax of [10 * 200 / 255, 10 * 10 / 255, 0] by hand, to one decimal. */
const RED = Math.exp(10 * (200 / 255)) / (Math.exp(10 * (200 / 255)) + Math.exp(10 * (10 / 255)) + 1);

describe('tfjs-swint predict', () => {
  const path = temporaryFolder();
  const predict = (...args: string[]) => swint('predict', ...args, '--backend', 'cpu');
  before(async () => {
    await saveColourClassifier(path('colours'));
    await saveBrightnessSegmenter(path('cells'));
    await put(path('pictures', 'b.png'), pngOf([0, 0, 200], 12, 5));
    await put(path('pictures', 'a.png'), pngOf([200, 10, 0], 30, 20));
    await put(path('pictures', 'notes.txt'), 'no picture');
    await put(path('pictures', '.hidden.png'), 'no picture');
    await put(path('photo.jpg'), jpegOf([10, 200, 10], 64, 48));
    await put(path('broken.png'), pngOf([1, 2, 3], 9).subarray(0, 40));
  });

  it('tells its help, with examples', async () => {
    const {code, stdout} = await swint('predict', '--help');
    expect(code).to.equal(0);
    for (const text of [
      'MODEL IMAGES...',
      '--top',
      '--json',
      '--out',
      '--threads',
      'Examples:',
      'tfjs-swint predict runs/',
    ]) {
      expect(stdout).to.include(text);
    }
  });

  it('names the most probable classes of each picture, of a file and of a folder, with bars', async () => {
    const {code, stdout, stderr} = await predict(
      path('colours'),
      path('pictures'),
      path('photo.jpg'),
      '--top',
      '2',
    );
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith(' '))).to.deep.equal([
      path('pictures', 'a.png'),
      path('pictures', 'b.png'),
      path('photo.jpg'),
    ]);
    expect(lines).to.have.length(9);
    expect(lines[1])
      .to.match(/^ {2}red {4}█{29}/)
      .and.include(`${(100 * RED).toFixed(1)}%`);
    expect(lines[2]).to.match(/^ {2}green/);
    expect(lines[4]).to.match(/^ {2}blue/);
    expect(lines[7]).to.match(/^ {2}green/);
  });

  it('takes the mean over views of a picture where it is told to', async () => {
    await saveSidesClassifier(path('sides'));
    const bytes = [255, 0, 255, 0].flatMap((value) => [value, value, value]);
    await put(path('half.png'), encodePng(Uint8Array.from(bytes), 2, 2));
    const probability = async (...args: string[]) => {
      const {code, stdout, stderr} = await predict(path('sides'), path('half.png'), '--json', ...args);
      expect(code, stderr).to.equal(0);
      const [{predictions}] = JSON.parse(stdout);
      return predictions.find(({label}: {label: string}) => label === 'left').probability;
    };
    expect(await probability()).to.be.above(0.99);
    expect(await probability('--views', '1')).to.be.above(0.99);
    for (const views of ['2', '6']) expect(await probability('--views', views)).to.be.closeTo(0.5, 1e-6);
  });

  it('writes one JSON array for programs, failures in it', async () => {
    const {code, stdout, stderr} = await predict(
      path('colours', 'model.json'),
      path('broken.png'),
      path('photo.jpg'),
      '--json',
    );
    expect(code).to.equal(1);
    expect(stderr).to.match(/^[^\n]*broken\.png[^\n]*must be complete[^\n]*\n$/);
    const [broken, photo] = JSON.parse(stdout);
    expect(broken.image).to.equal(path('broken.png'));
    expect(broken.error).to.equal(stderr.trimEnd());
    expect(photo.image).to.equal(path('photo.jpg'));
    expect(photo.predictions.map(({label}: {label: string}) => label)[0]).to.equal('green');
    expect(photo.predictions).to.have.length(3);
  });

  it('goes on after what cannot be read, one line each, and ends with code 1', async () => {
    const {code, stdout, stderr} = await predict(
      path('colours'),
      path('nowhere.png'),
      path('broken.png'),
      path('colours'),
      path('pic*', 'x?.png'),
      path('pictures', '?.png'),
    );
    expect(code).to.equal(1);
    const problems = stderr.trimEnd().split('\n');
    expect(problems).to.have.length(4);
    expect(problems[0]).to.match(/nowhere\.png\): the file must be readable; got ENOENT/);
    expect(problems[2]).to.match(/the folder must hold pictures; got none among 2 files/);
    expect(problems[3]).to.match(/the pattern must fit files; got none/);
    expect(stdout).to.include(path('pictures', 'a.png')).and.include(path('pictures', 'b.png'));
  });

  it('writes the classes of the pixels over each picture and tells their shares', async () => {
    // The left three of ten columns dark.
    const pixels = Uint8Array.from({length: 10 * 4 * 3}, (_, i) => (Math.floor(i / 3) % 10 < 3 ? 10 : 240));
    await put(path('sections', '1.png'), encodePng(pixels, 10, 4));
    await put(path('sections', '1.jpg'), jpegOf([250, 250, 250], 6));
    const {code, stdout, stderr} = await predict(path('cells'), path('sections'), '--json');
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    const [jpg, png] = JSON.parse(stdout);
    expect(png.shares).to.deep.equal([
      {label: 'membrane', share: 0.3},
      {label: 'cell', share: 0.7},
    ]);
    expect(jpg.shares[1].share).to.equal(1);
    expect([jpg.overlay, png.overlay]).to.deep.equal([
      path('sections', '1.overlay.png'),
      path('sections', '1-2.overlay.png'),
    ]);
    const overlay = await decodeImage(png.overlay);
    expect([overlay.width, overlay.height]).to.deep.equal([10, 4]);
    // Membrane in orange, the background as it was.
    expect([...overlay.data.subarray(0, 3)]).to.deep.equal([120, 85, 5]);
    expect([...overlay.data.subarray(27, 30)]).to.deep.equal([240, 240, 240]);

    // Overlays are no pictures to predict, and --out keeps them apart.
    const again = await predict(
      path('cells'),
      path('sections'),
      '--out',
      path('coloured'),
      '--background',
      'membrane',
    );
    expect(again.code, again.stderr).to.equal(0);
    expect(again.stdout).to.match(/membrane +█{9} +30\.0%/);
    expect(again.stdout).to.include(path('coloured', '1-2.overlay.png'));
    expect((await readdir(path('coloured'))).sort()).to.deep.equal(['1-2.overlay.png', '1.overlay.png']);
  });

  it('says of each overlay that cannot be written why, and goes on', async () => {
    await put(path('a-file'), 'no folder');
    const {code, stderr} = await predict(
      path('cells'),
      path('photo.jpg'),
      path('photo.jpg'),
      '--out',
      path('a-file'),
    );
    expect(code).to.equal(1);
    expect(stderr.trimEnd().split('\n')).to.have.length(2);
    expect(stderr).to.match(/photo\.overlay\.png\): the file must be one that can be written/);
  });

  it('takes the URL of a model, of its folder too', async () => {
    const server = createServer(async (request, response) => {
      const file = request.url!.replace(/^\/models\//, '');
      response.end(await readFile(path('colours', file)).catch(() => response.writeHead(404) && undefined));
    });
    const close = opened(() => server.close());
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const folder = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models`;
      for (const url of [folder, `${folder}/model.json`]) {
        const {code, stdout, stderr} = await predict(url, path('photo.jpg'), '--json');
        expect(code, stderr).to.equal(0);
        expect(JSON.parse(stdout)[0].predictions[0].label).to.equal('green');
      }
      const missing = await predict(`${folder}/no.json`, path('photo.jpg'));
      expect(missing.code).to.equal(1);
      expect(missing.stderr).to.match(/no\.json: .*404/);
    } finally {
      server.closeAllConnections();
      await close();
    }
  });

  const refused: [what: string, args: string[], code: number, message: RegExp][] = [
    ['no model', [], 2, /a model and at least one picture must be given; got none/],
    ['no picture', ['m'], 2, /got m alone \(tfjs-swint predict --help\)/],
    [
      'an unknown option',
      ['m', 'x.png', '--topk', '3'],
      2,
      /Unknown option '--topk' \(Did you mean --top\?\)/,
    ],
    ['a number that is none', ['m', 'x.png', '--top', '0'], 2, /--top must be a whole number from 1; got 0/],
    ['views that are none', ['m', 'x.png', '--views', '4'], 2, /--views must be one of 1, 2, 6; got 4/],
    [
      'views with a segmentation network',
      ['cells', 'x.png', '--views', '2'],
      2,
      /--views must go with a classifier; got it with a segmentation network/,
    ],
    ['no model there', ['nowhere', 'x.png'], 1, /loadModel\(nowhere\): model\.json must be readable/],
    [
      'more classes than there are',
      ['colours', 'x.png', '--top', '4'],
      1,
      /--top must be at most 3, the classes of the model; got 4/,
    ],
    [
      'an unknown background',
      ['cells', 'x.png', '--background', 'sky'],
      1,
      /--background must be one of membrane, cell; got sky/,
    ],
    [
      'a segmentation model that says nothing',
      ['silent', 'x.png'],
      1,
      /must say its class names .*; got none of classNames, mean, std/,
    ],
  ];
  for (const [what, [model, ...args], code, message] of refused) {
    it(`refuses ${what} in one line`, async () => {
      if (model === 'silent') await saveBrightnessSegmenter(path('silent'), false);
      const place = ['colours', 'cells', 'silent'].includes(model!) ? path(model!) : model;
      const result = await predict(...(place === undefined ? [] : [place]), ...args);
      expect(result.stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
      expect(result.code).to.equal(code);
      expect(result.stdout).to.equal('');
    });
  }
});

describe('bar', () => {
  it('draws a share in eighths of a character', () => {
    expect(bar(0, 4)).to.equal('    ');
    expect(bar(1, 4)).to.equal('████');
    expect(bar(0.5, 4)).to.equal('██  ');
    expect(bar(3 / 32, 4)).to.equal('▍   ');
    expect(bar(1.5, 2)).to.equal('██');
  });
});
