import {expect} from 'chai';
import {DataError} from '../../../src/errors.js';
import {confusionMatrix, segmentationScores} from '../../../src/training/segmentation_metrics.js';

describe('confusionMatrix', () => {
  it('counts pixels by true class in rows and predicted class in columns', () => {
    const truth = Uint8Array.from([0, 0, 1, 1, 1, 2]);
    const predicted = [0, 1, 1, 1, 0, 0];
    expect(confusionMatrix(truth, predicted, 3)).to.deep.equal([
      [1, 1, 0],
      [1, 2, 0],
      [1, 0, 0],
    ]);
  });

  it('leaves out the pixels to be ignored', () => {
    expect(confusionMatrix([0, 255, 1], [0, 1, 0], 2, 255)).to.deep.equal([
      [1, 0],
      [1, 0],
    ]);
  });

  it('refuses masks of different sizes, and classes that do not exist', () => {
    expect(() => confusionMatrix([0, 1], [0], 2)).to.throw(DataError, /number of pixels; got 2 and 1/);
    expect(() => confusionMatrix([0, 2], [0, 0], 2)).to.throw(
      DataError,
      /from 0 to 1; got 2 for 0 at pixel 1/,
    );
    expect(() => confusionMatrix([0, 0], [0, 5], 2)).to.throw(DataError, /got 0 for 5 at pixel 1/);
    expect(() => confusionMatrix([255], [0], 2)).to.throw(DataError, /got 255/);
    // A fraction would be counted nowhere.
    expect(() => confusionMatrix([0.5], [0], 2)).to.throw(DataError, /got 0\.5 for 0 at pixel 0/);
    expect(() => confusionMatrix([0], [Number.NaN], 2)).to.throw(DataError, /got 0 for NaN/);
  });
});

describe('segmentationScores', () => {
  it('has the figures that the definitions give', () => {
    // Class 0: 6 true, 7 predicted, 5 both; class 1: 4 true, 3 predicted, 2 both.
    const scores = segmentationScores([
      [5, 1],
      [2, 2],
    ]);
    expect(scores.pixelAccuracy).to.equal(0.7);
    expect(scores.iou).to.deep.equal([5 / 8, 2 / 5]);
    expect(scores.meanIou).to.be.closeTo((5 / 8 + 2 / 5) / 2, 1e-12);
    expect(scores.dice).to.deep.equal([10 / 13, 4 / 7]);
    expect(scores.meanDice).to.be.closeTo((10 / 13 + 4 / 7) / 2, 1e-12);
  });

  it('leaves classes that occur nowhere out of the means, and keeps those that occur in one mask only', () => {
    const scores = segmentationScores([
      [4, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(scores.iou).to.deep.equal([4 / 5, null, 0]);
    expect(scores.meanIou).to.equal(2 / 5);
    expect(scores.dice).to.deep.equal([8 / 9, null, 0]);
  });

  it('has no figure where no pixel is counted', () => {
    const scores = segmentationScores([
      [0, 0],
      [0, 0],
    ]);
    expect(scores.pixelAccuracy).to.be.NaN;
    expect(scores.meanIou).to.be.NaN;
    expect(scores.iou).to.deep.equal([null, null]);
  });
});
