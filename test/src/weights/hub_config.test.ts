/** What config.json and preprocessor_config.json say, in the forms that timm and transformers write. */
import {expect} from 'chai';
import {preparation} from '../../../src/data/preprocess.js';
import {describe as described} from '../../../src/weights/hub_config.js';

describe('files beside a checkpoint', () => {
  it('of timm: images, classes, and the windows of V2 by its name', () => {
    const {hints, metadata, notes} = described(
      {
        architecture: 'swinv2_base_window12to16_192to256',
        num_classes: 2,
        label_names: ['n01440764', 'n01443537'],
        label_descriptions: {n01440764: 'tench', n01443537: 'goldfish'},
        pretrained_cfg: {
          ...{input_size: [3, 256, 256], crop_pct: 0.9, crop_mode: 'center', interpolation: 'bicubic'},
          ...{mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2]},
        },
      },
      undefined,
    );
    const pretrainedWindowSize = [12, 12, 12, 6].map((side) => [side, side]);
    expect(hints).to.deep.equal({imageSize: 256, windowSize: 16, pretrainedWindowSize});
    expect(metadata).to.deep.equal({
      ...{imageSize: 256, cropFraction: 0.9, cropMode: 'center', interpolation: 'bicubic'},
      ...{mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2], classNames: ['tench', 'goldfish']},
    });
    expect(notes).to.deep.equal([]);
    const v1 = described(
      {architecture: 'swin_tiny_patch4_window7_224', input_size: [3, 224, 224]},
      undefined,
    );
    expect(v1.hints).to.deep.equal({imageSize: 224});
    const given = described(
      {architecture: 'swinv2_x', model_args: {window_size: 6, img_size: [96, 48]}},
      undefined,
    );
    expect(given.hints).to.deep.equal({imageSize: [96, 48], windowSize: 6});
  });

  it('of transformers: the ways in which its processors cut images', () => {
    const crop = (preprocessor: object) => described(undefined, preprocessor as never).metadata;
    const ways: [object, object][] = [
      [{size: 224}, {imageSize: 224, cropFraction: 1, cropMode: 'squash'}],
      [{size: {height: 192, width: 224}}, {imageSize: [192, 224], cropFraction: 1, cropMode: 'squash'}],
      [
        {size: {shortest_edge: 256}, do_center_crop: true, crop_size: {height: 224, width: 224}},
        {imageSize: 224, cropFraction: 224 / 256, cropMode: 'center'},
      ],
      [
        {size: {shortest_edge: 224}, crop_pct: 0.875},
        {imageSize: 224, cropFraction: 0.875, cropMode: 'center'},
      ],
      [
        {size: {shortest_edge: 384}, crop_pct: 0.875},
        {imageSize: 384, cropFraction: 1, cropMode: 'squash'},
      ],
      [
        {size: 256, do_center_crop: true, crop_size: 224},
        {imageSize: 224, cropFraction: 0.875, cropMode: 'squash'},
      ],
      [{do_normalize: false}, {mean: [0, 0, 0], std: [1, 1, 1]}],
    ];
    for (const [preprocessor, expected] of ways) expect(crop(preprocessor)).to.deep.equal(expected);
    expect(described(undefined, {size: {shortest_edge: 224}}).notes.join()).to.match(
      /keep their proportions/,
    );
  });

  it('of any other content: nothing is taken, nothing is thrown', () => {
    const odd: unknown[] = [null, 7, 'x', [], {}, [1, 2, 3], {0: 1}, Number.NaN, -1, true];
    const keys =
      'architecture pretrained_cfg model_args label_names model_type image_size window_size id2label size crop_size';
    for (const key of [
      ...keys.split(' '),
      'pretrained_window_sizes',
      'resample',
      'image_mean',
      'image_std',
      'crop_pct',
    ]) {
      for (const value of odd) {
        for (const type of ['swinv2', undefined]) {
          const {hints, metadata} = described({model_type: type, [key]: value}, {[key]: value});
          const {classNames, ...prepared} = metadata;
          expect(classNames, key).to.equal(undefined);
          expect(() => preparation('test', prepared), key).to.not.throw();
          const sizes = Object.values(hints).flat(2);
          expect(
            sizes.every((size) => Number.isInteger(size) && (size as number) > 0),
            key,
          ).to.equal(true);
        }
      }
    }
  });
});
