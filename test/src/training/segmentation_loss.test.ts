import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, ShapeError} from '../../../src/errors.js';
import {confusionCounts} from '../../../src/training/pixel_classes.js';
import {diceCrossEntropy} from '../../../src/training/segmentation_loss.js';
import {confusionMatrix} from '../../../src/training/segmentation_metrics.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectRelativeClose} from '../../helpers/compare.js';
import {randomArrays} from '../../helpers/random.js';
import {type ReferenceArgs, referenceLoss} from './segmentation_reference.js';

const [B, H, W, K] = [2, 5, 7, 3];
const P = B * H * W;

/** Logits [B, H, W, K] and labels [B, H, W], a fifth of them 255. */
function example(): {logits: Float32Array; labels: Int32Array; holes: Int32Array} {
  const logits = Float32Array.from(randomArrays('segmentation loss')([P * K], 2).data);
  const labels = Int32Array.from({length: P}, (_, i) => (i * i + (i >> 3)) % K);
  return {logits, labels, holes: labels.map((label, i) => (i % 5 === 2 ? 255 : label))};
}

/** Central differences of the float64 reference. */
function referenceGradient(logits: Float32Array, labels: Int32Array, args: ReferenceArgs): number[] {
  const values = Float64Array.from(logits);
  return Array.from(values, (value, i) => {
    const step = 1e-4;
    values[i] = value + step;
    const above = referenceLoss(values, labels, args);
    values[i] = value - step;
    const below = referenceLoss(values, labels, args);
    values[i] = value;
    return (above - below) / (2 * step);
  });
}

describe('diceCrossEntropy', () => {
  const cases: [string, Partial<ReferenceArgs>][] = [
    ['by default', {}],
    ['as Dice alone', {diceWeight: 1, smooth: 1}],
    ['as cross-entropy alone', {diceWeight: 0}],
    ['with class weights', {classWeights: [0.2, 1, 5]}],
    ['with pixels that count for nothing', {ignoreIndex: 255}],
    ['with both', {ignoreIndex: 255, classWeights: [3, 1, 2], diceWeight: 0.5}],
  ];

  eachBackend(() => {
    for (const [name, args] of cases) {
      for (const dataFormat of ['channelsFirst', 'channelsLast'] as const) {
        it(`has the reference's value and gradient ${name}, ${dataFormat}`, async () => {
          const {logits, labels, holes} = example();
          const used = args.ignoreIndex === undefined ? labels : holes;
          const reference = {classes: K, diceWeight: 0.6, smooth: 1e-5, ...args};
          const first = dataFormat === 'channelsFirst';
          const loss = diceCrossEntropy({...args, dataFormat});
          const [value, gradient] = tf.tidy(() => {
            const last = tf.tensor4d(logits, [B, H, W, K]);
            const x = first ? tf.transpose(last, [0, 3, 1, 2]) : last;
            const y = tf.tensor3d(used, [B, H, W], 'int32');
            const {value, grad} = tf.valueAndGrad((z: tf.Tensor) => loss(y, z))(x);
            return [value, first ? tf.transpose(grad, [0, 2, 3, 1]) : grad];
          });
          const [actual] = await value.data();
          expect(actual).to.be.closeTo(referenceLoss(logits, used, reference), 1e-5);
          const expected = referenceGradient(logits, used, reference);
          expectRelativeClose('gradient', await gradient.data(), expected, 1e-4);
          tf.dispose([value, gradient]);
        });
      }
    }

    it('takes one-hot labels too, where a pixel of zeros counts for nothing', async () => {
      const {logits, holes} = example();
      const [byIndex, byRow] = tf.tidy(() => {
        const x = tf.tensor4d(logits, [B, H, W, K]);
        const y = tf.tensor3d(holes, [B, H, W], 'int32');
        const rows = new Float32Array(P * K);
        for (const [i, label] of holes.entries()) if (label < K) rows[i * K + label] = 1;
        return [
          diceCrossEntropy({dataFormat: 'channelsLast', ignoreIndex: 255})(y, x),
          diceCrossEntropy({dataFormat: 'channelsLast'})(tf.tensor4d(rows, [B, H, W, K]), x),
        ];
      });
      expect((await byRow.data())[0]).to.be.closeTo((await byIndex.data())[0]!, 1e-6);
      tf.dispose([byIndex, byRow]);
    });

    it('is 0 with a gradient of 0 where no pixel counts', async () => {
      const loss = diceCrossEntropy({ignoreIndex: 9});
      const {value, grad} = tf.tidy(() => {
        const y = tf.fill([1, 2, 2], 9, 'int32');
        return tf.valueAndGrad((z: tf.Tensor) => loss(y, z))(tf.ones([1, 2, 2, 2]));
      });
      expect((await value.data())[0]).to.be.closeTo(0, 1e-6);
      for (const entry of await grad.data()) expect(entry).to.be.closeTo(0, 1e-9);
      tf.dispose([value, grad]);
    });

    it('stays finite for logits that are far apart', async () => {
      const {value, grad} = tf.tidy(() => {
        const y = tf.tensor3d([0, 1], [1, 1, 2], 'int32');
        const x = tf.tensor4d([1e4, 1e4, -1e4, -1e4], [1, 2, 1, 2]);
        return tf.valueAndGrad((z: tf.Tensor) => diceCrossEntropy()(y, z))(x);
      });
      expect((await value.data())[0]).to.be.closeTo(0.4 * 1e4 + 0.6 * (1 - 2 / 3 / 2), 1);
      for (const entry of await grad.data()) expect(Number.isFinite(entry)).to.equal(true);
      tf.dispose([value, grad]);
    });

    it('counts pixels by class on the device as a loop does', async () => {
      const {logits, holes} = example();
      const predicted = Array.from({length: P}, (_, i) => {
        const row = [...logits.subarray(i * K, (i + 1) * K)];
        return row.indexOf(Math.max(...row));
      });
      const counts = tf.tidy(() => {
        const x = tf.transpose(tf.tensor4d(logits, [B, H, W, K]), [0, 3, 1, 2]);
        return confusionCounts(tf.tensor3d(holes, [B, H, W], 'int32'), x, 'channelsFirst', 255);
      });
      expect([...(await counts.data())]).to.deep.equal(confusionMatrix(holes, predicted, K, 255).flat());
      counts.dispose();
    });
  });

  it('is a loss of model.compile', async () => {
    await tf.setBackend('cpu');
    const conv = tf.layers.conv2d({inputShape: [4, 4, 3], filters: 2, kernelSize: 1});
    const model = tf.sequential({layers: [conv]});
    model.compile({optimizer: tf.train.adam(0.1), loss: diceCrossEntropy({dataFormat: 'channelsLast'})});
    const x = tf.randomNormal([6, 4, 4, 3], 0, 1, 'float32', 1);
    const inside = tf.cast(tf.greater(tf.slice(x, [0, 0, 0, 0], [-1, -1, -1, 1]), 0), 'float32');
    const y = tf.concat([tf.sub(1, inside), inside], 3);
    const {history} = await model.fit(x, y, {epochs: 20, verbose: 0});
    expect(history.loss.at(-1)).to.be.below((history.loss[0] as number) / 2);
    model.dispose();
    tf.dispose([x, y, inside]);
  });

  it('refuses arguments out of their range', () => {
    expect(() => diceCrossEntropy({diceWeight: 1.5})).to.throw(
      ConfigError,
      /diceWeight must be a number from 0 to 1; got 1.5/,
    );
    expect(() => diceCrossEntropy({smooth: 0})).to.throw(
      ConfigError,
      /smooth must be a number above 0; got 0/,
    );
    expect(() => diceCrossEntropy({classWeights: [1, 0]})).to.throw(
      ConfigError,
      /classWeights must be 2 numbers, one per class, each a number above 0; got \[1, 0\]/,
    );
    const dataFormat = 'NCHW' as 'channelsFirst';
    expect(() => diceCrossEntropy({dataFormat})).to.throw(ConfigError, /dataFormat must be .* got 'NCHW'/);
  });

  it('refuses labels and logits that do not fit', async () => {
    await tf.setBackend('cpu');
    tf.tidy(() => {
      const logits = tf.zeros([2, 3, 4, 5]);
      const labels = tf.zeros([2, 4, 5], 'int32');
      const loss = diceCrossEntropy();
      expect(() => loss(logits, labels)).to.throw(ShapeError, /labels come first/);
      expect(() => loss(tf.zeros([2, 3, 4], 'int32'), logits)).to.throw(
        ShapeError,
        /logits must be \[B, K, H, W\] .* got \[2, 3, 4, 5\] and \[2, 3, 4\]/,
      );
      expect(() => diceCrossEntropy({classWeights: [1, 2]})(labels, logits)).to.throw(
        ShapeError,
        /per class, 3; got 2/,
      );
    });
  });
});
