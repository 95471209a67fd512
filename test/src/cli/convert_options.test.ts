import {expect} from 'chai';
import {type ConvertSettings, convertCommand} from '../../../src/cli/convert.js';
import {UsageError} from '../../../src/cli/usage_error.js';
import {TextStream} from '../../helpers/text_stream.js';

/** What the command makes of its options, in place of a conversion. */
function parseConvertCommand(args: readonly string[]): ConvertSettings {
  const given: ConvertSettings[] = [];
  const context = {args, now: new Date(), out: new TextStream(), err: new TextStream(), exitCode: 0};
  convertCommand(context, (settings) => void given.push(settings)).parse(args, {from: 'user'});
  return given[0]!;
}

describe('the options of convert', () => {
  it('has defaults', () => {
    expect(parseConvertCommand(['swin.pth', '--to', 'model'])).to.deep.equal({
      ...{input: 'swin.pth', out: 'model', layout: 'microsoft'},
      ...{quantize: null, window: null, imageSize: null, padding: null, prefix: null, channelsLast: false},
      ...{cache: null, offline: false, endpoint: null},
    });
  });

  it('reads every option', () => {
    const line =
      '--to a.safetensors --layout timm --window 12 --image-size 384 --channels-last swin.bin ' +
      '--padding masked --prefix net.';
    const downloads = '--cache kept --offline --endpoint https://mirror.example';
    expect(parseConvertCommand(`${line} ${downloads}`.split(' '))).to.deep.equal({
      ...{input: 'swin.bin', out: 'a.safetensors', layout: 'timm'},
      ...{quantize: null, window: 12, imageSize: 384, channelsLast: true, padding: 'masked', prefix: 'net.'},
      ...{cache: 'kept', offline: true, endpoint: 'https://mirror.example'},
    });
    expect(parseConvertCommand(['model', '--to', 'small', '--quantize', 'float16'])).to.include({
      quantize: 'float16',
    });
  });

  it('reads windows and sizes of two sides, and windows of each stage', () => {
    for (const [text, window] of [
      ['7x5', [7, 5]],
      [
        '8,8,4',
        [
          [8, 8],
          [8, 8],
          [4, 4],
        ],
      ],
      [
        '8x4,4',
        [
          [8, 4],
          [4, 4],
        ],
      ],
    ] as const) {
      expect(parseConvertCommand(['a.pth', '--to', 'out', '--window', text]).window).to.deep.equal(window);
    }
    expect(parseConvertCommand('a.pth --to out --image-size 224x256'.split(' ')).imageSize).to.deep.equal([
      224, 256,
    ]);
  });

  const bad: [string, RegExp][] = [
    ['', /convert: one file or folder must be given; got none/],
    ['a.pth b.pth --to out', /one file or folder must be given; got a.pth b.pth/],
    ['a.pth', /--to must be a folder or a .safetensors file; got nothing/],
    ['a.pth --to --window 7', /--to must be a folder or a .safetensors file; got --window/],
    ['a.safetensors --to b.pth', /--to must be a folder or a .safetensors file, .*; got b\.pth\./],
    ['a.pth --too out', /Unknown option '--too'/],
    ['a.pth --to out --window 0', /convert: --window must be a whole number from 1, or two as 7x5; got 0/],
    ['a.pth --to out --window 7x7x7', /--window must be a whole number from 1, or two as 7x5; got 7x7x7/],
    ['a.pth --to out --padding none', /--padding must be one of masked, attended; got none/],
    ['a.pth --to out.safetensors --layout keras', /--layout must be one of microsoft, timm, .*; got keras/],
    ['a.pth --to out --layout timm', /--layout must go with a .safetensors file; got --to out/],
    ['a.pth --to out --quantize int4', /--quantize must be one of float16, uint16, uint8; got int4/],
    [
      'a.pth --to a.safetensors --quantize uint8',
      /--quantize must be float16 for a \.safetensors file; got uint8/,
    ],
    ['model --to a.safetensors --window 7', /--window must go with a checkpoint/],
    ['model --to a.safetensors --image-size 7', /--image-size must go with a checkpoint/],
    ['model/model.json --to a.safetensors --channels-last', /--channels-last must go with a checkpoint/],
  ];
  for (const [line, message] of bad) {
    it(`refuses "${line}"`, () => {
      expect(() => parseConvertCommand(line.split(' ').filter(Boolean))).to.throw(UsageError, message);
    });
  }
});
