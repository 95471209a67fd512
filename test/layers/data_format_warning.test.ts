import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  batchNormalization,
  cropValid,
  type DataFormat,
  dropPath,
  patchMerging,
  type SwinTArgs,
  swinT,
} from '../../layers/index.js';

/** What `build` says on the console. */
function warnings(build: () => unknown): string[] {
  const said: string[] = [];
  const {warn} = console;
  console.warn = (text: string) => said.push(text);
  try {
    build();
  } finally {
    console.warn = warn;
  }
  return said.filter((text) => text.startsWith('Swin'));
}

const conv = (dataFormat?: DataFormat) =>
  tf.layers.conv2d({filters: 8, kernelSize: 3, name: 'conv', dataFormat});

describe('the warning of a wrong data format', () => {
  it('a SwinT in its default between channels-last layers says so once', () => {
    const layer = swinT({numHeads: 2, name: 'swin'});
    const said = warnings(() => {
      const x = conv().apply(tf.input({shape: [10, 10, 3]}));
      layer.apply(x);
      layer.apply(x);
    });
    expect(said).to.have.length(1);
    expect(said[0]).to.match(
      /^SwinT\(swin\): the map must be \[B, C, H, W\], channelsFirst; got \[\*, 8, 8, 8\], which is channelsLast as it comes from Conv2D\(conv\)/,
    );
    expect(said[0]).to.match(/\(give dataFormat: 'channelsLast'\)\.$/);
  });

  it('sees through layers that leave the axes where they are, and into models', () => {
    const said = warnings(() => {
      const image = tf.input({shape: [10, 10, 3]});
      const inner = tf.sequential({
        layers: [tf.layers.conv2d({filters: 8, kernelSize: 1, inputShape: [10, 10, 3]})],
      });
      let x = inner.apply(image) as tf.SymbolicTensor;
      x = tf.layers.batchNormalization().apply(x) as tf.SymbolicTensor;
      x = tf.layers.reLU().apply(x) as tf.SymbolicTensor;
      x = dropPath({rate: 0.1}).apply(x) as tf.SymbolicTensor;
      x = tf.layers.add().apply([x, x]) as tf.SymbolicTensor;
      patchMerging().apply(x);
    });
    expect(said).to.have.length(1);
    expect(said[0]).to.match(/^SwinPatchMerging/);
  });

  it('knows a picture that enters the model by its shape', () => {
    const first = (inputShape: number[], args: object = {}) =>
      warnings(() =>
        tf.sequential({layers: [swinT({numHeads: 1, windowSize: 2, ...args, inputShape} as SwinTArgs)]}),
      );
    expect(first([16, 16, 3])).to.have.length(1);
    expect(first([3, 16, 16], {dataFormat: 'channelsLast'})).to.have.length(1);
    // All of these may be what they say.
    expect(first([3, 16, 16])).to.be.empty;
    expect(first([16, 16, 3], {dataFormat: 'channelsLast'})).to.be.empty;
    expect(first([16, 8, 8])).to.be.empty;
    expect(first([16, 8, 3])).to.be.empty;
    expect(first([4, 4, 4])).to.be.empty;
  });

  it('batch normalization over the rows of a channels-last map', () => {
    const build = (axis: number, dataFormat?: DataFormat) =>
      warnings(() =>
        batchNormalization({axis}).apply(conv(dataFormat).apply(tf.input({shape: [10, 10, 10]}))),
      );
    expect(build(1)[0]).to.match(/^SwinBatchNormalization.*\(give axis: -1\)\.$/);
    expect(build(-1, 'channelsFirst')[0]).to.match(/\(give axis: 1\)\.$/);
    expect(build(-1)).to.be.empty;
    expect(build(1, 'channelsFirst')).to.be.empty;
    expect(build(2)).to.be.empty;
  });

  it('says nothing where the formats are one, or where it is not certain', () => {
    const said = warnings(() => {
      const image = tf.input({shape: [10, 10, 3]});
      const last = conv().apply(image) as tf.SymbolicTensor;
      swinT({numHeads: 2, dataFormat: 'channelsLast'}).apply(last);
      const turned = tf.layers.permute({dims: [3, 1, 2]}).apply(last) as tf.SymbolicTensor;
      const y = swinT({numHeads: 2}).apply(turned) as tf.SymbolicTensor;
      swinT({numHeads: 2}).apply(y);
      conv('channelsFirst').apply(y);
      swinT({numHeads: 2}).apply(tf.zeros([1, 16, 16, 2]));
      batchNormalization({axis: 1}).apply(tf.input({shape: [8]}));
    });
    expect(said).to.be.empty;
  });

  it('cropValid', () => {
    const said = warnings(() => {
      const image = tf.input({shape: [10, 10, 3]});
      const same = tf.layers
        .conv2d({filters: 4, kernelSize: 3, padding: 'same'})
        .apply(image) as tf.SymbolicTensor;
      cropValid({kernelSize: 1}).apply([same, image]);
      cropValid({kernelSize: 3, dataFormat: 'channelsLast'}).apply([same, image]);
    });
    expect(said).to.have.length(1);
    expect(said[0]).to.match(/^SwinCropValid/);
  });
});
