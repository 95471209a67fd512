/**
 * Fine-tunes a Swin Transformer on a folder of images: loads a checkpoint, puts a new head on it, freezes its first
 * stages, trains until the held-out images are classified no better, and shows what it says to some of them.
 *
 *   node examples/fine_tune_swin.js --data FOLDER --checkpoint swin_tiny.safetensors
 *
 *   --data FOLDER      train/<class>/*.jpg and test/<class>/*.jpg, or just <class>/*.jpg, of which a fifth is held out
 *   --checkpoint FILE  safetensors, names of timm, microsoft, torchvision or huggingface. Without it the network starts
 *                      from random weights; OUT/weights.safetensors is then a checkpoint for other classes
 *   --network NAME     swinTiny (default), swinSmall, swinBase, swinV2Tiny, ...: that of the checkpoint; swinTransformer may
 *                      be of other sizes: --patch-size 4 --embed-dim 48 --depths 2,2,2 --num-heads 3,6,12 --window-size 4
 *   --image-size 224   --freeze 1 (stages; 0 without a checkpoint)   --epochs 10   --patience 3   --minutes none
 *   --batch-size 32    --learning-rate 0.0003 (0.001 without a checkpoint)   --seed 1   --out runs/fine_tune_swin
 *
 * OUT gets model/ (for loadModel and browsers), weights.safetensors (timm's names) and report.html.
 */
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import '@tensorflow/tfjs';
import {
  freezeStages,
  IMAGENET_MEAN,
  IMAGENET_STD,
  resetClassifier,
  setupBackend,
  swinBase,
  swinSmall,
  swinTiny,
  swinTransformer,
  swinV2Base,
  swinV2Small,
  swinV2Tiny,
  train,
} from 'tfjs-swint';
import {classify, imageFolder, loadWeights, saveModel, saveWeights, writeReport} from 'tfjs-swint/node';

const text = {type: 'string'};
const {values} = parseArgs({
  options: {
    ...{data: text, checkpoint: text, 'image-size': {...text, default: '224'}},
    ...{network: {...text, default: 'swinTiny'}, 'patch-size': text, 'embed-dim': text, depths: text},
    ...{'num-heads': text, 'window-size': text, freeze: text, epochs: {...text, default: '10'}},
    ...{patience: {...text, default: '3'}, minutes: text, 'batch-size': {...text, default: '32'}},
    ...{'learning-rate': text, seed: {...text, default: '1'}, out: {...text, default: 'runs/fine_tune_swin'}},
  },
});
const {data: folder, checkpoint, network, out} = values;
const networks = {swinTiny, swinSmall, swinBase, swinV2Tiny, swinV2Small, swinV2Base, swinTransformer};
const build = networks[network];
if (!folder || !build) {
  console.error(
    'usage: node examples/fine_tune_swin.js --data FOLDER [--checkpoint FILE] [--network swinTiny] ...',
  );
  process.exit(2);
}
const number = (name) => (values[name] === undefined ? undefined : Number(values[name]));
const numbers = (name) => values[name]?.split(',').map(Number);
const learningRate = number('learning-rate') ?? (checkpoint ? 3e-4 : 1e-3);
const freeze = number('freeze') ?? (checkpoint ? 1 : 0);
const seed = number('seed');

console.log(`backend: ${await setupBackend()}`);
const imageSize = number('image-size');
const data = await imageFolder(folder, {imageSize});
const {classNames} = data.train;
console.log(`${data.train.size} training images, ${data.test.size} test images: ${classNames.join(', ')}`);

const sizes = {
  patchSize: number('patch-size'),
  embedDim: number('embed-dim'),
  depths: numbers('depths'),
  numHeads: numbers('num-heads'),
  windowSize: number('window-size'),
};
const given = Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
const pretrained = build({imageSize, dropPath: 0.1, seed, ...given});
if (checkpoint) {
  const {layout, matched, resized} = await loadWeights(pretrained, checkpoint);
  console.log(`${checkpoint}: ${matched.length} weights of ${layout}, ${resized.length} more resized`);
}
const model = resetClassifier(pretrained, classNames.length, {seed});
freezeStages(model, freeze);
const parameters = model.countParams();
console.log(`${network}: ${parameters.toLocaleString('en-US')} parameters, frozen stages: ${freeze}`);

const history = await train(model, data, {
  epochs: number('epochs'),
  patience: number('patience'),
  maxSeconds: values.minutes && 60 * number('minutes'),
  batchSize: number('batch-size'),
  learningRate,
  seed,
  flip: true,
  cropPadding: Math.round(imageSize / 16),
  // Those of the checkpoints, rather than of these few images.
  mean: IMAGENET_MEAN,
  std: IMAGENET_STD,
  onEpoch: ({epoch, trainLoss, trainAccuracy, testAccuracy}) =>
    console.log(
      `epoch ${epoch}: train loss ${trainLoss.toFixed(3)}, train accuracy ${trainAccuracy.toFixed(3)}, ` +
        `test accuracy ${testAccuracy?.toFixed(3)}`,
    ),
});
const {stopped, bestEpoch, evaluation} = history;
console.log(`${stopped}; epoch ${bestEpoch} was the best: test accuracy ${evaluation.accuracy.toFixed(3)}`);

// The model knows its classes and how its images were prepared. A path would do as well: classify(model, 'photo.jpg').
const {height, width} = data.test;
for (let i = 0; i < 6; i++) {
  const index = Math.floor(((i + 0.5) * data.test.size) / 6);
  const [best] = await classify(model, {data: await data.test.read(index), width, height});
  const truth = classNames[data.test.label(index)];
  console.log(`test image ${index}, ${truth}: ${best.label} (${(100 * best.probability).toFixed(1)} %)`);
}

await saveModel(model, join(out, 'model'));
await saveWeights(model, join(out, 'weights.safetensors'), {layout: 'timm'});
await writeReport(join(out, 'report.html'), {
  title: `${network} fine-tuned on ${classNames.length} classes`,
  command: ['node examples/fine_tune_swin.js', ...process.argv.slice(2)].join(' '),
  configuration: {
    checkpoint: checkpoint ?? 'none',
    'frozen stages': freeze,
    'training images': data.train.size,
    'image size': imageSize,
    'batch size': values['batch-size'],
    'learning rate': learningRate,
    patience: values.patience,
  },
  test: data.test,
  models: [{name: network, parameters, history}],
});
console.log(`saved to ${out}: model, weights.safetensors, report.html`);
