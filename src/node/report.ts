/**
 * A training report: one HTML file that holds everything it shows, so that it can be mailed, archived and opened
 * without a network, and read without a script.
 */

import {writeFile} from 'node:fs/promises';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import type {ImageDataset} from '../data/dataset.js';
import {ConfigError} from '../errors.js';
import type {EpochReport, TrainingHistory} from '../training/training_history.js';
import {html, type Markup} from './html.js';
import {type Curve, chartSvg} from './report_charts.js';
import {confusionMatrix} from './report_confusion.js';
import {imageGrids} from './report_images.js';
import {count, decimal, percent, reportPage, stroke, swatch} from './report_page.js';

/** One trained model. */
export interface ReportedModel {
  name: string;
  /** Number of weights, trainable or not. */
  parameters: number;
  history: TrainingHistory;
}

export interface ReportArgs {
  title: string;
  /** Under the title, for example the date. */
  subtitle?: string;
  /** The command that made it, as typed. */
  command: string;
  /** What was set, by name, in order. */
  configuration: Readonly<Record<string, string | number>>;
  /** The test set that the models were evaluated on. */
  test: ImageDataset;
  /** At most four, in the order of the table. */
  models: readonly ReportedModel[];
  /** Images in each of the two grids. Default 20. */
  imageCount?: number;
}

const WHO = 'writeReport';

const ARGUMENTS = {
  ...{title: true, subtitle: true, command: true, configuration: true, test: true, models: true},
  ...{imageCount: true},
} as const satisfies ArgumentNames<ReportArgs>;

/**
 * Writes the report.
 *
 * @throws ConfigError for no model or more than four; DataError where a test image cannot be read.
 */
export async function writeReport(path: string, args: ReportArgs): Promise<void> {
  await writeFile(path, await renderReport(args));
}

/** The report as the text of an HTML document. @throws as `writeReport`. */
export async function renderReport(args: ReportArgs): Promise<string> {
  checkArguments(WHO, args, ARGUMENTS);
  const {title, subtitle, command, configuration, models} = args;
  if (models.length < 1 || models.length > 4) {
    throw new ConfigError(`${WHO}: there must be one to four models; got ${models.length}.`);
  }
  const main = html`<h2>Results</h2>
${resultsTable(models)}
<h2>Loss and accuracy</h2>
${await curves(models)}
<h2>Confusion</h2>
${confusions(args)}
<h2>Test images</h2>
${await images(args)}`;
  return reportPage({title, subtitle, summary: summary(args), main, command, configuration}).text;
}

function summary({models, test}: ReportArgs): Markup {
  const results = models.flatMap(({name, history}) =>
    history.evaluation ? [`${name} classifies ${percent(history.evaluation.accuracy)}`] : [],
  );
  const notices = models.flatMap(notice);
  const sentence =
    results.length === 0
      ? 'No model was evaluated.'
      : `Of ${count(test.size)} test images of ${test.classNames.length} classes, ${results.join(' and ')} correctly.`;
  return html`<p>${sentence}</p>${notices}`;
}

/** What a reader has to know of a training that did not simply run to its end. */
function notice({name, history}: ReportedModel): Markup[] {
  const {stopped, restoredEpoch} = history;
  const epochs = history.epochs.length;
  const sentences: string[] = [];
  if (stopped !== 'finished') {
    const cause = {
      early: 'it had not become better for some epochs',
      budget: 'its time was spent',
      aborted: 'it was interrupted',
    }[stopped];
    sentences.push(
      `${name} stopped ${epochs === 0 ? 'before its first epoch' : `in epoch ${epochs}`} because ${cause}.`,
    );
  }
  if (restoredEpoch !== null) {
    sentences.push(`The weights and test figures of ${name} are those of epoch ${restoredEpoch}, its best.`);
  }
  return sentences.length === 0 ? [] : [html`<p class="notice">${sentences.join(' ')}</p>`];
}

const FIGURES = ['parameters', 'time per step', 'images/s', 'train loss', 'test loss', 'test accuracy'];

function resultsTable(models: readonly ReportedModel[]): Markup {
  const rows = models.map(({name, parameters, history}, i) => {
    const last: EpochReport | undefined = history.epochs.at(-1);
    const cells = [
      count(parameters),
      history.stepMs === null ? '–' : `${decimal(history.stepMs, history.stepMs < 10 ? 2 : 0)} ms`,
      history.imagesPerSecond === null ? '–' : count(Math.round(history.imagesPerSecond)),
      last ? decimal(last.trainLoss, 3) : '–',
      history.evaluation ? decimal(history.evaluation.loss, 3) : '–',
      history.evaluation ? percent(history.evaluation.accuracy) : '–',
    ].map((text, column) => html`<td class="number" data-label="${FIGURES[column]}">${text}</td>`);
    return html`<tr><th scope="row">${swatch(i)}${name}</th>${cells}</tr>`;
  });
  const heads = FIGURES.map((text) => html`<th scope="col" class="number">${text}</th>`);
  return html`<div class="scroll"><table class="results"><thead><tr><th scope="col">model</th>${heads}</tr></thead><tbody>${rows}</tbody></table></div>
<p class="muted">Time per step is the median, reading the data included; images/s counts training alone. Train loss is
the mean over the last epoch's batches, taken while the weights changed.</p>`;
}

async function curves(models: readonly ReportedModel[]): Promise<Markup> {
  const curvesOf = (train: keyof EpochReport, test: keyof EpochReport): Curve[] =>
    models.flatMap(({history}, series) => [
      {series, split: 'train' as const, values: history.epochs.map((epoch) => epoch[train])},
      {series, split: 'test' as const, values: history.epochs.map((epoch) => epoch[test])},
    ]);
  if (models.every(({history}) => history.epochs.length === 0)) return html`<p>No epoch was trained.</p>`;
  const loss = await chartSvg({
    label: 'Loss by epoch',
    curves: curvesOf('trainLoss', 'testLoss'),
    domain: [0, 0],
  });
  const accuracy = await chartSvg({
    label: 'Accuracy by epoch',
    curves: curvesOf('trainAccuracy', 'testAccuracy'),
    format: '%',
    domain: [0, 1],
  });
  const key = models.map(({name}, i) => html`<li>${swatch(i)}${name}</li>`);
  return html`<ul class="key">${key}${stroke('none', 'test set')}${stroke('4 3', 'training set')}</ul>
<div class="charts">
<figure><figcaption>Loss</figcaption>${loss}</figure>
<figure><figcaption>Accuracy</figcaption>${accuracy}</figure>
</div>`;
}

function confusions({models, test}: ReportArgs): Markup {
  const matrices = models.map(({name, history}) => {
    const matrix = history.evaluation
      ? confusionMatrix(history.evaluation.confusion, test.classNames)
      : html`<p>Not evaluated.</p>`;
    return html`<div><h3>${name}</h3>${matrix}</div>`;
  });
  return html`<p class="muted">Test images by true class (rows) and predicted class (columns); the shade is the share of the row.</p>
<div class="matrices">${matrices}</div>`;
}

async function images({models, test, imageCount = 20}: ReportArgs): Promise<Markup> {
  const verdicts = models.flatMap(({name, history}) =>
    history.evaluation ? [{name, evaluation: history.evaluation}] : [],
  );
  if (verdicts.length === 0) return html`<p>Not evaluated.</p>`;
  return html`<p class="muted">The true class in bold, then what each model said and how sure it was. A red frame marks an image that a model got wrong.</p>
${await imageGrids(test, verdicts, imageCount)}`;
}
