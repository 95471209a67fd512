/** What `tfjs-swint train --task segment` leaves behind beside the model: figures on the screen, pictures, history, report. */
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {backendReport} from '../backends/backend_report.js';
import type {SegmentationSplit} from '../data/segmentation_dataset.js';
import {COMPARISON_CAPTION, comparison, comparisonLegend} from '../inference/comparison.js';
import {encodePng} from '../node/image_file.js';
import {type ReportedPicture, writeSegmentationReport} from '../node/segmentation_report.js';
import {evaluateSegmentation} from '../training/evaluate_segmentation.js';
import type {SegmentationHistory} from '../training/segmentation_history.js';
import type {TrainingDisplay} from './display.js';
import {printScores} from './mask_scores.js';
import {makeOutput} from './output_folder.js';
import type {SegmentSettings} from './train_segment_settings.js';

/** Pictures in the report; the others are in OUT/overlays alone. */
const MOST_PICTURES = 12;

export interface SegmentResults {
  model: tfl.LayersModel;
  settings: SegmentSettings;
  data: SegmentationSplit;
  history: SegmentationHistory;
  /** The command line, for people who want the same again. */
  command: string;
  signal: AbortSignal;
}

export async function writeSegmentResults(results: SegmentResults, display: TrainingDisplay): Promise<void> {
  const {model, settings, history, command, signal} = results;
  const {out, classes} = settings;
  const {evaluation} = history;
  if (evaluation !== null) {
    display.line();
    printScores(evaluation, classes, (text) => display.line(text));
  }
  display.line();
  const told = (what: string, path: string) => display.line(`${what.padEnd(14)} ${path}`);
  told('Model', join(out, 'model'));
  // Who interrupts does not wait for pictures.
  const pictures = signal.aborted ? [] : await writePictures(results);
  if (pictures.length > 0) told('Overlays', join(out, 'overlays'));

  const configuration = describeConfiguration(results);
  const parameters = model.countParams();
  const historyPath = join(out, 'history.json');
  const models = [{kind: settings.model, name: model.name, parameters, ...history}];
  const kept = {command, configuration, classNames: classes, models};
  await writeFile(historyPath, `${JSON.stringify(kept, null, 2)}\n`);
  told('History', historyPath);
  const reportPath = join(out, 'report.html');
  await writeSegmentationReport(reportPath, {
    title: `Segmentation of ${classes.join(' and ')}`,
    subtitle: new Date().toLocaleString('en-GB', {dateStyle: 'long', timeStyle: 'short'}),
    ...{command, configuration, parameters, history, classNames: classes},
    pictures: pictures.slice(0, MOST_PICTURES),
    caption: COMPARISON_CAPTION,
    legend: comparisonLegend(classes, classes.indexOf(settings.background)),
  });
  told('Report', reportPath);
}

/** Predicts the held-out images once more, for their pictures; stops where it is interrupted. */
async function writePictures({model, settings, data, signal}: SegmentResults): Promise<ReportedPicture[]> {
  const dir = join(settings.out, 'overlays');
  await makeOutput('train', dir);
  const background = settings.classes.indexOf(settings.background);
  const {test} = data;
  const pictures: ReportedPicture[] = [];
  try {
    await evaluateSegmentation(model, test, {
      signal,
      async onImage({index, mask, scores}) {
        const name = test.imageName(index);
        const {ignoreIndex} = test;
        const image = comparison(await test.read(index), mask, {background, ignoreIndex});
        await writeFile(join(dir, `${name}.png`), encodePng(image.data, image.width, image.height));
        pictures.push({name, image, scores});
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return pictures;
}

function describeConfiguration({settings, data}: SegmentResults): Record<string, string | number> {
  const {backend, device} = backendReport();
  return {
    backend: `${backend}: ${device}`,
    'training images': data.train.size,
    'test images': data.test.size,
    network: settings.model,
    ...(settings.convolutions.length === 0 ? {} : {convolutions: settings.convolutions.join(' / ')}),
    patch: settings.patch,
    width: settings.width,
    depths: settings.depths.join(', '),
    window: settings.window,
    epochs: settings.epochs,
    'steps per epoch': settings.stepsPerEpoch,
    'batch size': settings.batchSize,
    crop: settings.crop,
    flip: settings.flip ? 'yes' : 'no',
    rotate: settings.rotate ? 'yes' : 'no',
    'learning rate': settings.learningRate,
    'weight decay': settings.weightDecay,
    'warm-up epochs': settings.warmup ?? settings.epochs / 20,
    seed: settings.seed,
    platform: `Node ${process.version}, ${process.platform} ${process.arch}`,
  };
}
