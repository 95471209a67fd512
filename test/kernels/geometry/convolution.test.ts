import {expect} from 'chai';
import {type ConvolutionSizes, isEmpty, joinPatches} from '../../../kernels/geometry/convolution.js';

/** Patches of 4 x 4 cells of 3 channels, side by side. */
const patches: ConvolutionSizes = {
  ...{batchSize: 2, inHeight: 12, inWidth: 8, inChannels: 3},
  ...{outHeight: 3, outWidth: 2, outChannels: 10, filterHeight: 4, filterWidth: 4},
  ...{strideHeight: 4, strideWidth: 4, dilationHeight: 1, dilationWidth: 1},
  padInfo: {top: 0, left: 0},
};

describe('geometry: convolution', () => {
  it('joins the cells of a row of a patch where patches lie side by side', () => {
    expect(joinPatches(patches)).to.deep.equal({
      ...patches,
      ...{inWidth: 2, inChannels: 12, filterWidth: 1, strideWidth: 1},
    });
  });

  it('joins none where patches overlap, leave cells over, are spread or padded', () => {
    for (const other of [{strideWidth: 2}, {inWidth: 9}, {dilationWidth: 2}, {padInfo: {top: 0, left: 1}}]) {
      const sizes = {...patches, ...other};
      expect(joinPatches(sizes)).to.equal(sizes);
    }
  });

  it('is empty where some size is 0', () => {
    expect(isEmpty(patches)).to.equal(false);
    for (const size of ['batchSize', 'inChannels', 'outChannels', 'outWidth', 'filterHeight'] as const) {
      expect(isEmpty({...patches, [size]: 0}), size).to.equal(true);
    }
  });
});
