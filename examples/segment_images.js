/**
 * Trains a Swin-UNet, pure or with convolutions at the finer resolutions, on a folder of images and masks; saves the model,
 * and for each held-out image a picture of the image, its true mask and what the model got right and wrong; and a report.
 *
 *   node examples/segment_images.js FOLDER --classes CELL,MEMBRANE,... [options]
 *
 * FOLDER holds image/<name>.png (or .jpg) and label/<name>.png, whose grey values stand for the classes, from dark to
 * light. --help lists the options.
 */
import '@tensorflow/tfjs';
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {evaluateSegmentation, setupBackend, swinUNet, trainSegmentation} from 'tfjs-swint';
import {
  classColor,
  ERROR_COLORS,
  encodePng,
  maskFolder,
  overlayErrors,
  overlayMask,
  saveModel,
  sideBySide,
  writeSegmentationReport,
} from 'tfjs-swint/node';

const USAGE = `usage: node examples/segment_images.js FOLDER --classes NAMES [options]
  --classes a,b,...     names of the classes, for the masks' grey values from dark to light
  --background NAME     the class that pictures leave uncoloured; default the first
  --image, --label      folders of the images and the masks; default image, label
  --test WHICH          held-out images: names a,b,... or a range 20-29, or a share; default 0.2
  --network KIND        hybrid, with convolutions before the patches and after them, or swin; default hybrid
  --convolutions N,.../N,...  the hybrid's widths at the full resolution, a half, ...; default 16,16/32,32/64,64
  --patch N             pixels of a patch; default 8, and 4 for swin
  --width N             channels of the first stage; default 64, and 48 for swin
  --depths N,...        blocks of the stages; default 2,2, and 2,2,2 for swin
  --crop N              side of the training crops; default 128
  --batch N             crops per step; default 4
  --epochs N            default 10
  --steps-per-epoch N   default 50
  --minutes N           time for the training; default none
  --learning-rate N     default 0.001
  --seed N              default 1
  --out DIR             default runs/segment_images`;

const text = (value) => ({type: 'string', default: value});
const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    classes: {type: 'string'},
    background: {type: 'string'},
    image: text('image'),
    label: text('label'),
    test: text('0.2'),
    network: text('hybrid'),
    convolutions: text('16,16/32,32/64,64'),
    patch: {type: 'string'},
    width: {type: 'string'},
    depths: {type: 'string'},
    crop: text('128'),
    batch: text('4'),
    epochs: text('10'),
    'steps-per-epoch': text('50'),
    minutes: {type: 'string'},
    'learning-rate': text('0.001'),
    seed: text('1'),
    out: text('runs/segment_images'),
    help: {type: 'boolean', default: false},
  },
});
const {help, ...options} = values;
const [folder] = positionals;
const classes = options.classes?.split(',') ?? [];
const background = options.background ? classes.indexOf(options.background) : 0;
if (
  help ||
  !folder ||
  classes.length < 2 ||
  background < 0 ||
  !['swin', 'hybrid'].includes(options.network)
) {
  (help ? console.log : console.error)(USAGE);
  process.exit(help ? 0 : 2);
}
/** Names, or the numbers of a range as names, or a share. */
function heldOut(which) {
  const range = /^(\d+)-(\d+)$/.exec(which);
  if (!range) return /^0?\.\d+$/.test(which) ? Number(which) : which.split(',');
  const [first, last] = [Number(range[1]), Number(range[2])];
  return Array.from({length: last - first + 1}, (_, i) => String(first + i));
}

console.log(`backend: ${await setupBackend()}`);
const data = await maskFolder(folder, {
  classes,
  images: options.image,
  masks: options.label,
  test: heldOut(options.test),
});
console.log(`${data.train.size} training images, ${data.test.size} test images: ${classes.join(', ')}`);

const pure = options.network === 'swin';
const numbers = (list) => list.split(',').map(Number);
const width = Number(options.width ?? (pure ? 48 : 64));
const depths = numbers(options.depths ?? (pure ? '2,2,2' : '2,2'));
const seed = Number(options.seed);
const model = swinUNet({
  numClasses: classes.length,
  embedDim: width,
  depths,
  numHeads: depths.map((_, stage) => (width * 2 ** stage) / 16),
  windowSize: 8,
  patchSize: Number(options.patch ?? (pure ? 4 : 8)),
  convolutions: pure ? [] : options.convolutions.split('/').map(numbers),
  seed,
});
console.log(`${options.network}: ${model.countParams()} parameters`);

await mkdir(join(options.out, 'overlays'), {recursive: true});
const history = await trainSegmentation(model, data, {
  epochs: Number(options.epochs),
  stepsPerEpoch: Number(options['steps-per-epoch']),
  maxSeconds: options.minutes && 60 * Number(options.minutes),
  batchSize: Number(options.batch),
  cropSize: Number(options.crop),
  learningRate: Number(options['learning-rate']),
  flip: true,
  rotate: true,
  seed,
  onEpoch: ({epoch, steps, trainLoss, trainMeanIou, testMeanIou, testPixelAccuracy, trainSeconds}) =>
    console.log(
      `epoch ${epoch}: ${steps} steps in ${trainSeconds.toFixed(0)} s, loss ${trainLoss.toFixed(3)}, ` +
        `mean IoU ${trainMeanIou.toFixed(3)}, test ${testMeanIou.toFixed(3)}, ` +
        `pixel accuracy ${(100 * testPixelAccuracy).toFixed(2)} %`,
    ),
});
const {mean, std} = history;
model.setUserDefinedMetadata({classNames: classes, mean, std, dataFormat: 'channelsFirst'});
await saveModel(model, join(options.out, 'model'));

const pictures = [];
const evaluation = await evaluateSegmentation(model, data.test, {
  mean,
  std,
  async onImage({index, mask, scores}) {
    const name = data.test.imageName(index);
    const image = await data.test.read(index);
    const panels = [
      image,
      overlayMask(image, image.mask, {background}),
      overlayErrors(image, image.mask, mask, {background}),
    ];
    const picture = sideBySide(panels);
    pictures.push({name, image: picture, scores});
    const file = join(options.out, 'overlays', `${name}.png`);
    await writeFile(file, encodePng(picture.data, picture.width, picture.height));
  },
});
for (const [k, name] of classes.entries()) {
  console.log(
    `${name}: IoU ${evaluation.iou[k]?.toFixed(4) ?? '-'}, Dice ${evaluation.dice[k]?.toFixed(4) ?? '-'}`,
  );
}
console.log(
  `mean IoU ${evaluation.meanIou.toFixed(4)}, pixel accuracy ${(100 * evaluation.pixelAccuracy).toFixed(2)} %, ` +
    `${history.steps} steps of ${history.stepMs?.toFixed(0)} ms`,
);

const colours = classes.flatMap((name, k) =>
  k === background ? [] : [{color: classColor(k, background), text: name}],
);
const report = join(options.out, 'report.html');
await writeSegmentationReport(report, {
  title: `Segmentation of ${classes.join(' and ')}`,
  command: ['node', 'examples/segment_images.js', ...process.argv.slice(2)].join(' '),
  configuration: {...options, 'training images': data.train.size, 'test images': data.test.size},
  parameters: model.countParams(),
  history,
  classNames: classes,
  pictures,
  caption: 'Each image, its true mask, and the prediction compared with it.',
  legend: [
    ...colours,
    {color: ERROR_COLORS.hit, text: 'right'},
    {color: ERROR_COLORS.falseAlarm, text: 'predicted, not there'},
    {color: ERROR_COLORS.miss, text: 'there, not predicted'},
    ...(classes.length > 2 ? [{color: ERROR_COLORS.confusion, text: 'taken for another class'}] : []),
  ],
});
console.log(`saved to ${options.out}: model, overlays, report.html`);
