import {mkdir, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {pathToFileURL} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../../architectures/swin_resnet.js';
import {CheckpointError, ConfigError, DataError} from '../../../src/errors.js';
import {describeClassifier} from '../../../src/inference/classifier_metadata.js';
import {classify} from '../../../src/node/classify.js';
import {predictSegmentation} from '../../../src/node/predict_segmentation.js';
import {pretrained} from '../../../src/node/pretrained.js';
import {saveModel} from '../../../src/node/save_model.js';
import {pretrained as fetchPretrained} from '../../../src/pretrained.js';
import {PRETRAINED_FILES} from '../../../src/pretrained_files.js';
import {type PretrainedName, pretrainedModels} from '../../../src/pretrained_models.js';
import {opened} from '../../helpers/opened.js';
import {saveBrightnessSegmenter, swint} from '../cli/cli_models.js';
import {errorOf} from '../data/memory_dataset.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

const NAME = 'swin-resnet-cifar10';
const {classNames} = pretrainedModels[NAME];

describe('pretrained', () => {
  const path = temporaryFolder();
  let model: tf.LayersModel;

  before(async () => {
    await tf.setBackend('cpu');
    model = swinResNet({depth: 14, inputShape: [3, 32, 32], widths: [4, 4, 8], numClasses: 10, seed: 3});
    describeClassifier(model, {
      ...{classNames, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], dataFormat: 'channelsFirst'},
      ...{imageSize: [32, 32], cropFraction: 1, cropMode: 'squash', interpolation: 'bilinear'},
    });
    // As the folder of the package is made: a run, converted.
    await saveModel(model, path('run'));
    const {code, stdout, stderr} = await swint(
      'convert',
      path('run'),
      '--to',
      path('nets', NAME),
      '--quantize',
      'float16',
    );
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('model.json and weights.bin as float16');
    await saveBrightnessSegmenter(path('nets', 'swin-unet-membranes'));
    await put(path('photo.jpg'), jpegOf([200, 40, 90], 160, 90));
  });
  after(() => model.dispose());

  it('classifies any photo in three lines, half the bytes of float32', async () => {
    const net = await pretrained(NAME, {baseUrl: path('nets')});
    const [best, ...others] = await classify(net, path('photo.jpg'));
    expect(others).to.have.length(4);
    expect(classNames).to.include(best!.label);
    const [exact] = await classify(model, path('photo.jpg'));
    expect(best!.label).to.equal(exact!.label);
    expect(best!.probability).to.be.closeTo(exact!.probability, 1e-2);
    const sizes = await Promise.all(
      [path('run', 'weights.bin'), path('nets', NAME, 'weights.bin')].map(
        async (file) => (await readFile(file)).length,
      ),
    );
    expect(sizes[1]! / sizes[0]!).to.equal(0.5);
    net.dispose();
  });

  it('segments any picture in three lines', async () => {
    const net = await pretrained('swin-unet-membranes', {baseUrl: pathToFileURL(path('nets'))});
    const {mask} = await predictSegmentation(net, pngOf([250, 250, 250], 7, 5));
    expect([...mask]).to.deep.equal(new Array(35).fill(1));
    net.dispose();
  });

  it('comes from a server as from the disk, with progress', async () => {
    const server = createServer(async (request, response) => {
      const bytes = await readFile(path(request.url!.replace(/^\/static\//, ''))).catch(() => null);
      if (bytes === null) response.writeHead(404);
      response.end(bytes);
    });
    const close = opened(() => server.close());
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/static/nets`;
      const loaded: number[] = [];
      const nets = [
        await pretrained(NAME, {baseUrl: `${baseUrl}/`}),
        await fetchPretrained(NAME, {
          baseUrl,
          onProgress: (progress) => loaded.push(progress.loaded, progress.total!),
        }),
        await pretrained(NAME, {baseUrl: path('nets')}),
      ];
      const bytes = (await readFile(path('nets', NAME, 'weights.bin'))).length;
      expect(loaded.slice(-2)).to.deep.equal([bytes, bytes]);
      const answers = await Promise.all(nets.map((net) => classify(net, path('photo.jpg'))));
      expect(answers[0]).to.deep.equal(answers[2]);
      expect(answers[1]).to.deep.equal(answers[2]);
      for (const net of nets) net.dispose();

      const gone = await errorOf(() => fetchPretrained(NAME, {baseUrl: `${baseUrl}/none`}));
      expect(gone).to.be.instanceOf(CheckpointError);
      expect(gone.message).to.match(
        /^pretrained\(swin-resnet-cifar10\): .*\/none\/swin-resnet-cifar10\/model\.json: .*404/,
      );
    } finally {
      server.closeAllConnections();
      await close();
    }
  });

  it('tells its progress and stops from the disk as from a server', async () => {
    const bytes = (await readFile(path('nets', NAME, 'weights.bin'))).length;
    const told: object[] = [];
    const baseUrl = path('nets');
    const net = await pretrained(NAME, {baseUrl, onProgress: (progress) => told.push(progress)});
    expect(told).to.deep.equal([{loaded: bytes, total: bytes}]);
    net.dispose();
    const before = tf.memory().numTensors;
    const reason = new Error('enough');
    expect(await errorOf(() => pretrained(NAME, {baseUrl, signal: AbortSignal.abort(reason)}))).to.equal(
      reason,
    );
    const controller = new AbortController();
    const stop = () => controller.abort(reason);
    const stopped = await errorOf(() =>
      pretrained(NAME, {baseUrl, signal: controller.signal, onProgress: stop}),
    );
    expect(stopped).to.equal(reason);
    expect(tf.memory().numTensors).to.equal(before);
    expect(await errorOf(() => pretrained(NAME, {baseUrl, timeout: 0}))).to.be.instanceOf(ConfigError);
  });

  it('is a MODEL of the command line by its name; any other name is a folder', async () => {
    const {code, stdout, stderr} = await swint(
      'predict',
      'swin-resnet-cifar100',
      path('photo.jpg'),
      '--backend',
      'cpu',
    );
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/loadModel\(swin-resnet-cifar100\): model\.json must be readable/);
    expect((await swint('predict', '--help')).stdout.replace(/\s+/g, ' ')).to.include(
      'swin-resnet-cifar10, swin-unet-membranes',
    );
  });

  it('names the networks that there are, and what each is', async () => {
    for (const load of [pretrained, fetchPretrained]) {
      const error = await errorOf(() => load('resnet-50' as PretrainedName));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.equal(
        "pretrained: the name must be one of swin-resnet-cifar10, swin-unet-membranes; got 'resnet-50'.",
      );
    }
    for (const name of ['toString', undefined, {}]) {
      expect(await errorOf(() => pretrained(name as PretrainedName))).to.be.instanceOf(ConfigError);
    }
    for (const [name, card] of Object.entries(pretrainedModels)) {
      expect(card.classNames.length, name).to.be.above(1);
      for (const text of [card.data, card.limits]) expect(text.length, name).to.be.above(20);
    }
  });

  it('looks for its files in the package', () => {
    for (const [name, files] of Object.entries(PRETRAINED_FILES)) {
      // From the compiled file, which lies one folder deeper than the source.
      const {model, weights} = files();
      expect([model.href, weights.href].map((href) => href.split('/').slice(-3).join('/'))).to.deep.equal([
        `pretrained/${name}/model.json`,
        `pretrained/${name}/weights.bin`,
      ]);
    }
  });

  it('refuses what cannot be, in one sentence that says what to do', async () => {
    const cases: [options: object, error: new (...args: never[]) => Error, message: RegExp][] = [
      [{baseURL: 'x'}, ConfigError, /got baseURL \(try baseUrl\)/],
      [
        {baseUrl: ''},
        ConfigError,
        /baseUrl must be the path or the URL of a folder that holds swin-resnet-cifar10\/model\.json; got ''/,
      ],
      [{baseUrl: 'ftp://x/y'}, ConfigError, /baseUrl must be the path or the URL/],
      [
        {baseUrl: path('nowhere')},
        CheckpointError,
        /nowhere.swin-resnet-cifar10 must hold the network; got .*ENOENT/,
      ],
    ];
    for (const [options, kind, message] of cases) {
      const error = await errorOf(() => pretrained(NAME, options));
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(message);
    }
    const inNode = await errorOf(() => fetchPretrained(NAME));
    expect(inNode).to.be.instanceOf(ConfigError);
    expect(inNode.message).to.match(/got file:.*\(in Node: import \{pretrained\} from 'tfjs-swint\/node'/);
    expect((await errorOf(() => fetchPretrained(NAME, {baseUrl: 'nets'}))).message).to.match(
      /baseUrl must be the URL of a folder/,
    );
  });

  it('names a picture that it cannot read, and leaves nothing of a damaged network', async () => {
    const net = await pretrained(NAME, {baseUrl: path('nets')});
    expect(await errorOf(() => classify(net, path('none.jpg')))).to.be.instanceOf(DataError);
    net.dispose();
    await mkdir(path('cut', NAME), {recursive: true});
    await put(path('cut', NAME, 'model.json'), await readFile(path('nets', NAME, 'model.json')));
    await put(
      path('cut', NAME, 'weights.bin'),
      (await readFile(path('nets', NAME, 'weights.bin'))).subarray(10),
    );
    const before = tf.memory().numTensors;
    const error = await errorOf(() => pretrained(NAME, {baseUrl: path('cut')}));
    expect(error.message).to.match(/the weights must have the \d+ bytes/);
    expect(tf.memory().numTensors).to.equal(before);
    await rm(path('cut'), {recursive: true});
  });
});
