/**
 * Trains a SwinResNet on a folder of images, one sub-folder per class, by the recipe for small images, and saves it. Stopped
 * at any moment and started again, it goes on from its last checkpoint.
 *
 *   node examples/train_on_a_folder.js FOLDER [epochs] [folder to save to]        default 5, runs/train_on_a_folder
 *
 * FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg, or just <class>/*.jpg, of which a fifth is then held out.
 */
import '@tensorflow/tfjs';
import {setupBackend, swinResNet} from 'tfjs-swint';
import {imageFolder, saveModel, train} from 'tfjs-swint/node';

const [folder, epochs = '5', out = 'runs/train_on_a_folder'] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node examples/train_on_a_folder.js FOLDER [epochs] [folder to save to]');
  process.exit(2);
}
console.log(`backend: ${await setupBackend()}`);

const data = await imageFolder(folder, {imageSize: 32});
console.log(
  `${data.train.size} training images, ${data.test.size} test images: ${data.train.classNames.join(', ')}`,
);

const model = swinResNet({
  depth: 10,
  numClasses: data.train.classNames.length,
  inputShape: [3, 32, 32],
  dropPath: 0.1,
  seed: 1,
});
const {evaluation} = await train(model, data, {
  recipe: 'small-images',
  epochs: Number(epochs),
  // In place of the recipe's 500, for folders of some hundred images; a smaller batch wants a smaller rate.
  batchSize: 32,
  learningRate: 0.01,
  checkpoint: {dir: `${out}-checkpoints`, everySeconds: 30},
  resume: true,
  onEpoch: ({epoch, trainLoss, testAccuracy}) =>
    console.log(
      `epoch ${epoch}: train loss ${trainLoss.toFixed(3)}, test accuracy ${testAccuracy?.toFixed(3)}`,
    ),
});
console.log(`test accuracy over six views of each image: ${evaluation?.accuracy.toFixed(3)}`);
await saveModel(model, out);
console.log(`saved to ${out}`);
