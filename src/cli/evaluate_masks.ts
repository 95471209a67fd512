/** Evaluates a segmentation network for `tfjs-swint evaluate`. */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {SegmentationDataset, SegmentationSplit} from '../data/segmentation_dataset.js';
import {COMPARISON_CAPTION, comparison, comparisonLegend} from '../inference/comparison.js';
import {segmenterMetadata} from '../inference/segmenter_metadata.js';
import {replaceFile} from '../node/replace_file.js';
import {renderSegmentationEvaluation} from '../node/segmentation_evaluation_report.js';
import type {ReportedPicture} from '../node/segmentation_report.js';
import {evaluateSegmentation, type SegmentationEvaluation} from '../training/evaluate_segmentation.js';
import type {EvaluateSettings, EvaluationOutput} from './evaluate_settings.js';
import {openMasks} from './mask_options.js';
import {printScores} from './mask_scores.js';
import {classIndex, segmenterClasses} from './predict_masks.js';
import {Progress} from './progress.js';

/** Pictures in a report. */
const MOST_PICTURES = 12;

/** @returns What there is for programs. */
export async function evaluateMasks(
  model: tfl.LayersModel,
  settings: EvaluateSettings,
  {out, line}: EvaluationOutput,
): Promise<object> {
  const classNames = segmenterClasses('evaluate', model);
  const {border: borderName, background: backgroundName = classNames[0]} = segmenterMetadata(model);
  const border = classIndex('evaluate', 'border', settings.border ?? borderName, classNames);
  const background = classIndex('evaluate', 'background', settings.background ?? backgroundName, classNames)!;
  const dataset = partOf(await openMasks(settings.data, classNames, settings), settings);
  line(`Data     ${dataset.name}: ${dataset.size} images with masks, ${classNames.join(', ')}`);
  const progress = new Progress(out);
  const pictures: ReportedPicture[] = [];
  let evaluation: SegmentationEvaluation;
  try {
    evaluation = await evaluateSegmentation(model, dataset, {
      ...(settings.tile === null ? {} : {tile: settings.tile}),
      ...(border === undefined ? {} : {border}),
      async onImage({index, mask, scores}) {
        if (!settings.json) progress.show(`  ${index + 1} of ${dataset.size} images`);
        if (settings.report === null || pictures.length === MOST_PICTURES) return;
        const {ignoreIndex} = dataset;
        const image = comparison(await dataset.read(index), mask, {background, ignoreIndex});
        pictures.push({name: dataset.imageName(index), image, scores});
      },
    });
  } finally {
    progress.clear();
  }
  printScores(evaluation, classNames, line);
  if (settings.report !== null)
    await writeReport(settings.report, settings, {dataset, evaluation, pictures, background});
  const {pixelAccuracy, meanIou, meanDice, rand, iou, dice, confusion} = evaluation;
  const classes = classNames.map((name, k) => ({name, iou: iou[k], dice: dice[k]}));
  return {
    ...{task: 'segment', data: dataset.name, images: dataset.size, meanIou, pixelAccuracy, meanDice, rand},
    ...{classes, classNames, confusion},
  };
}

function partOf({train, test}: SegmentationSplit, {data, part}: EvaluateSettings): SegmentationDataset {
  if (part !== 'all') return {train, test}[part];
  const locate = (index: number): [set: SegmentationDataset, within: number] =>
    index < train.size ? [train, index] : [test, index - train.size];
  return {
    ...train,
    ...{name: data, size: train.size + test.size},
    imageName(index) {
      const [set, within] = locate(index);
      return set.imageName(within);
    },
    read(index) {
      const [set, within] = locate(index);
      return set.read(within);
    },
  };
}

interface Evaluated {
  dataset: SegmentationDataset;
  evaluation: SegmentationEvaluation;
  pictures: readonly ReportedPicture[];
  background: number;
}

async function writeReport(
  path: string,
  {model, data, part, seed, command}: EvaluateSettings,
  {dataset, evaluation, pictures, background}: Evaluated,
): Promise<void> {
  const {classNames} = dataset;
  const text = renderSegmentationEvaluation({
    ...{title: `${model} on ${dataset.name}`, command, evaluation, classNames, pictures},
    subtitle: new Date().toLocaleString('en-GB', {dateStyle: 'long', timeStyle: 'short'}),
    configuration: {model, data, part, seed, images: dataset.size},
    caption: COMPARISON_CAPTION,
    legend: comparisonLegend(classNames, background),
  });
  await replaceFile('evaluate', path, new TextEncoder().encode(text));
}
