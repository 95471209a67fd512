import {expect} from 'chai';
import {trainCommand} from '../../../src/cli/train.js';
import {SHAPES_DEFAULTS} from '../../../src/cli/train_defaults.js';
import type {TrainSettings} from '../../../src/cli/train_settings.js';
import {UsageError} from '../../../src/cli/usage_error.js';
import {TextStream} from '../../helpers/text_stream.js';

/** What the command makes of its options, in place of a training. */
function parseTrainCommand(args: readonly string[], now = new Date()): TrainSettings {
  const given: TrainSettings[] = [];
  const context = {args, now, out: new TextStream(), err: new TextStream(), exitCode: 0};
  trainCommand(context, (settings) => void given.push(settings)).parse(args, {from: 'user'});
  return given[0]!;
}

describe('the options of train', () => {
  it('has defaults for drawn shapes, and others for a folder', () => {
    const shapes = parseTrainCommand([], new Date(2026, 0, 2, 3, 4, 5));
    expect(shapes).to.include({
      data: null,
      epochs: SHAPES_DEFAULTS.epochs,
      stepsPerEpoch: SHAPES_DEFAULTS.stepsPerEpoch,
      batchSize: SHAPES_DEFAULTS.batchSize,
      depth: 10,
      recipe: 'small-images',
      flip: false,
      seed: 0,
      badImages: 'fail',
      out: 'runs/2026-01-02-030405',
    });
    expect(shapes.widths).to.deep.equal([...SHAPES_DEFAULTS.widths]);
    expect(parseTrainCommand(['--depth', '20']).widths).to.equal(null);
    expect(shapes.networks).to.deep.equal(['swin', 'conv']);
    expect(parseTrainCommand(['--data', 'cats'])).to.include({
      data: 'cats',
      epochs: 10,
      stepsPerEpoch: null,
      batchSize: 64,
      depth: 14,
      recipe: null,
      flip: true,
    });
    expect(parseTrainCommand(['--data', 'cats', '--no-flip'])).to.include({flip: false});
    expect(parseTrainCommand(['--flip'])).to.include({flip: true});
  });

  it('reads every option', () => {
    const line =
      '--data d --image-size 48 --epochs 3 --steps-per-epoch 9 --batch-size 8 --limit 100 --test-limit 50 --model conv --depth 20 --widths 8,16,32 ' +
      '--window 4 --backend cpu --threads 2 --learning-rate 5e-4 --weight-decay 0 --label-smoothing .1 --warmup 0.5 ' +
      '--drop-path 0.2 --crop 4 --seed 7 --bad-images skip --max-minutes 1.5 --checkpoint-seconds 9 --out=o ' +
      '--flip --recipe small-images --schedule plateau --views 2 --average lookahead --accumulate 3 ' +
      '--progressive-resizing 24,0.6';
    expect(parseTrainCommand(line.split(' '))).to.deep.equal({
      data: 'd',
      imageSize: 48,
      epochs: 3,
      stepsPerEpoch: 9,
      batchSize: 8,
      limit: 100,
      testLimit: 50,
      networks: ['conv'],
      depth: 20,
      widths: [8, 16, 32],
      window: 4,
      backend: 'cpu',
      threads: 2,
      learningRate: 5e-4,
      weightDecay: 0,
      labelSmoothing: 0.1,
      warmup: 0.5,
      dropPath: 0.2,
      flip: true,
      crop: 4,
      seed: 7,
      badImages: 'skip',
      maxMinutes: 1.5,
      checkpointSeconds: 9,
      out: 'o',
      recipe: 'small-images',
      schedule: 'plateau',
      views: 2,
      average: 'lookahead',
      accumulate: 3,
      progressiveResizing: {from: 24, until: 0.6},
      mlpConvolution: null,
      positionConvolution: null,
      valueConvolution: null,
      layerScale: null,
    });
    const locality = '--mlp-convolution --position-convolution --value-convolution --layer-scale 0';
    expect(parseTrainCommand(locality.split(' '))).to.include({
      mlpConvolution: true,
      positionConvolution: true,
      valueConvolution: true,
      layerScale: 0,
    });
    // The twin of depth 10 is as wide as they cost.
    const twin = parseTrainCommand('--model conv --depth 10 --mlp-convolution'.split(' '));
    expect(twin).to.include({mlpConvolution: true});
  });

  it('names every setting, those that a recipe fills in too', () => {
    const usual = {
      ...{recipe: null, learningRate: 0.003, weightDecay: 0.05, labelSmoothing: 0, crop: 0, views: 1},
      ...{schedule: 'cosine', warmup: 0.5, accumulate: 1, average: null},
    };
    expect(parseTrainCommand(['--data', 'd'])).to.include(usual);
    expect(parseTrainCommand(['--data', 'd', '--schedule', 'triangular'])).to.include({warmup: 2});
    const recipe = {
      ...{recipe: 'small-images', learningRate: 0.15, weightDecay: 0, labelSmoothing: 0.1, crop: 2, views: 6},
      ...{schedule: 'triangular', warmup: 0, flip: 'alternating', batchSize: 250, stepsPerEpoch: null},
    };
    const line = ['--recipe', 'small-images', '--epochs', '20'];
    expect(parseTrainCommand(['--data', 'd', ...line])).to.include(recipe);
    // Drawn shapes are not mirrored, in the test neither.
    const {batchSize, stepsPerEpoch} = SHAPES_DEFAULTS;
    expect(parseTrainCommand(line)).to.include({...recipe, batchSize, stepsPerEpoch, flip: false, views: 1});
    // Without one they are trained as a folder is.
    expect(parseTrainCommand(['--recipe', 'none'])).to.include({
      ...usual,
      warmup: SHAPES_DEFAULTS.epochs / 20,
      batchSize,
      stepsPerEpoch,
    });
    expect(parseTrainCommand(['--data', 'd', ...line, '--no-flip'])).to.include({flip: false, views: 1});
    const own = '--learning-rate 0 --weight-decay 0.1 --label-smoothing 0 --crop 0 --views 1 --batch-size 8';
    expect(parseTrainCommand(['--data', 'd', ...line, ...own.split(' '), '--flip'])).to.include({
      ...{learningRate: 0, weightDecay: 0.1, labelSmoothing: 0, crop: 0, views: 1, batchSize: 8, flip: true},
    });
    // The warm-up of the recipe belongs to its schedule.
    expect(parseTrainCommand(['--data', 'd', ...line, '--schedule', 'cosine'])).to.include({warmup: 1});
  });

  const wrong: [string, RegExp][] = [
    ['--bogus', /Unknown option '--bogus' \(tfjs-swint train --help/],
    ['extra', /Unexpected argument 'extra'/],
    ['--epochs', /'--epochs <N>' argument missing/],
    ['--data --epochs 3', /--data must be a folder; got --epochs\./],
    ['--out=', /--out must be a folder; got nothing\./],
    ['--eopchs 3', /Unknown option '--eopchs' \(Did you mean --epochs\?\)\.$/],
    ['--flip=yes', /Unknown option '--flip=yes'/],
    ['--epochs 0', /--epochs must be a whole number from 1; got 0\./],
    ['--epochs 1.5', /--epochs must be a whole number from 1; got 1\.5\./],
    ['--epochs ten', /got ten\./],
    ['--epochs 0x10', /got 0x10\./],
    ['--epochs=', /got nothing\./],
    ['--epochs 1e400', /got 1e400\./],
    ['--image-size 0', /--image-size/],
    ['--batch-size 0', /--batch-size/],
    ['--steps-per-epoch 0', /--steps-per-epoch must be a whole number from 1; got 0\./],
    ['--limit 0', /--limit/],
    ['--test-limit -5', /--test-limit must be a whole number from 1; got -5\./],
    ['--model vit', /--model must be one of swin, conv, both; got vit\./],
    ['--depth 0', /--depth/],
    ['--window 0', /--window/],
    ['--widths 8,x', /--widths must be .*; got x\./],
    ['--backend gpu', /--backend must be one of tensorflow, webgpu, wasm, cpu; got gpu\./],
    ['--threads 0', /--threads/],
    ['--learning-rate -1', /--learning-rate must be a number from 0; got -1\./],
    ['--weight-decay x', /--weight-decay/],
    ['--label-smoothing 1', /--label-smoothing must be a number in \[0, 1\); got 1\./],
    ['--drop-path 1', /--drop-path/],
    ['--warmup 3 --epochs 3', /--warmup must be less than --epochs \(3\); got 3\./],
    ['--crop -1', /--crop must be a whole number from 0; got -1\./],
    ['--seed 1.5', /--seed/],
    ['--bad-images ignore', /--bad-images must be one of fail, skip; got ignore\./],
    ['--checkpoint-seconds -1', /--checkpoint-seconds must be a number from 0; got -1\./],
    ['--recipe big-images', /--recipe must be one of small-images, none; got big-images\./],
    ['--schedule step', /--schedule must be one of cosine, triangular, plateau; got step\./],
    ['--views 3', /--views must be one of 1, 2, 6; got 3\./],
    ['--views 02', /--views must be one of 1, 2, 6; got 02\./],
    ['--average swa', /--average must be one of ema, lookahead; got swa\./],
    [
      '--progressive-resizing 24',
      /--progressive-resizing must be pixels and a share up to 1, as 24,0\.6; got 24\./,
    ],
    ['--progressive-resizing 24,2', /--progressive-resizing must be .*; got 24,2\./],
    ['--accumulate 0', /--accumulate must be a whole number from 1; got 0\./],
    ['--layer-scale -1', /--layer-scale must be a number from 0; got -1\./],
    ['--label-smoothing -0.1', /--label-smoothing must be a number in \[0, 1\); got -0\.1\./],
    ['--learning-rate 1e999', /--learning-rate must be a number from 0; got 1e999\./],
    ['--learning-rate NaN', /--learning-rate must be a number from 0; got NaN\./],
    ['--drop-path -0.1', /--drop-path must be a number in \[0, 1\); got -0\.1\./],
    [
      '--model conv --depth 14 --layer-scale 0',
      /--layer-scale must go with a network that has SwinT layers; got --model conv/,
    ],
    ['--resume=', /--resume must be a folder; got nothing\./],
    ['--max-minutes 0', /--max-minutes must be a number above 0; got 0\./],
  ];
  for (const [line, message] of wrong) {
    it(`refuses ${line}`, () => {
      expect(() => parseTrainCommand(line.split(' '))).to.throw(UsageError, message);
    });
  }
});
