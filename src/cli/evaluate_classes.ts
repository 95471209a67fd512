/** Evaluates a classifier for `tfjs-swint evaluate`. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {textTable} from '../../kernels/common/text_table.js';
import type {ImageDataset} from '../data/dataset.js';
import {renderEvaluationReport} from '../node/evaluation_report.js';
import {replaceFile} from '../node/replace_file.js';
import {type ClassFigures, classFigures} from '../training/class_figures.js';
import {type Evaluation, evaluate} from '../training/evaluate.js';
import {openPrepared} from './evaluate_data.js';
import type {EvaluateSettings, EvaluationOutput} from './evaluate_settings.js';
import {Progress} from './progress.js';

/** More classes make a matrix that no terminal shows; then the most frequent confusions are listed. */
const LARGEST_MATRIX = 20;
const LISTED_CONFUSIONS = 15;

/** @returns What there is for programs. */
export async function evaluateClasses(
  model: tfl.LayersModel,
  settings: EvaluateSettings,
  {out, line, note}: EvaluationOutput,
): Promise<object> {
  const {dataset, preparation} = await openPrepared(model, {...settings, onLeftOut: note});
  const {name, size, height, width, classNames} = dataset;
  line(`Data     ${name}: ${size} images, ${height}x${width}, ${classNames.length} classes`);
  const progress = new Progress(out);
  const skipped: string[] = [];
  let evaluation: Evaluation;
  try {
    evaluation = await evaluate(model, dataset, {
      ...preparation,
      batchSize: settings.batchSize ?? 64,
      views: settings.views ?? 1,
      badImages: settings.badImages,
      onBadImage: ({message}) => skipped.push(message),
      onBatch: ({images, total}) => settings.json || progress.show(`  ${images} of ${total} images`),
    });
  } finally {
    progress.clear();
  }
  for (const message of skipped) note(`  skipped  ${message}`);
  const figures = classFigures(evaluation.confusion, classNames);
  const images = figures.reduce((sum, one) => sum + one.images, 0);
  const {views} = settings;
  if (views !== null && views > 1) line(`Views    ${views} of each image`);
  print(evaluation, figures, images, line);
  if (settings.report !== null) await writeReport(settings.report, dataset, evaluation, settings);
  const {loss, accuracy, confusion} = evaluation;
  return {
    ...{task: 'classify', data: name, images, skipped: skipped.length, views: views ?? 1, accuracy, loss},
    ...{classes: figures, classNames, confusion},
  };
}

function print(
  {accuracy, loss, confusion}: Evaluation,
  figures: readonly ClassFigures[],
  images: number,
  line: (text?: string) => void,
): void {
  const share = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(1)}%`);
  line(`Accuracy ${(100 * accuracy).toFixed(2)}% (${Math.round(accuracy * images)} of ${images})`);
  line(`Loss     ${loss.toFixed(4)}`);
  line();
  const rows = figures.map(({name, images, recall, precision, f1}) => [
    ...[name, String(images), share(recall), share(precision)],
    f1 === null ? '-' : f1.toFixed(3),
  ]);
  const isNumber = (column: number) => column > 0;
  for (const row of textTable([['', 'images', 'recall', 'precision', 'F1'], ...rows], isNumber)) line(row);
  line();
  const names = figures.map(({name}) => name);
  if (names.length <= LARGEST_MATRIX) {
    const matrix = names.map((name, row) => [name, ...confusion[row]!.map(String)]);
    for (const row of textTable([['true \\ predicted', ...names], ...matrix], isNumber)) line(row);
  } else {
    const confused = names.flatMap((name, row) =>
      names.flatMap((other, column) =>
        row !== column && confusion[row]![column]! > 0
          ? [{text: `${name} taken for ${other}`, count: confusion[row]![column]!}]
          : [],
      ),
    );
    line('The most frequent confusions:');
    const listed = confused.sort((a, b) => b.count - a.count).slice(0, LISTED_CONFUSIONS);
    for (const row of textTable(
      listed.map(({text, count}) => [`  ${text}`, String(count)]),
      isNumber,
    ))
      line(row);
  }
}

async function writeReport(
  path: string,
  dataset: ImageDataset,
  evaluation: Evaluation,
  {model, data, part, seed, views, command}: EvaluateSettings,
): Promise<void> {
  const text = await renderEvaluationReport({
    ...{title: `${model} on ${dataset.name}`, command, name: model, dataset, evaluation},
    subtitle: new Date().toLocaleString('en-GB', {dateStyle: 'long', timeStyle: 'short'}),
    configuration: {model, data, part, seed, images: dataset.size, views: views ?? 1},
  });
  await replaceFile('evaluate', path, new TextEncoder().encode(text));
}
