/** The report of a segmentation training: one HTML file with curves, figures by class and pictures of test images. */

import {writeFile} from 'node:fs/promises';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import type {RgbImage} from '../data/rgb_image.js';
import {ConfigError} from '../errors.js';
import type {Rgb} from '../inference/overlay.js';
import type {SegmentationEvaluation} from '../training/evaluate_segmentation.js';
import type {RandScore} from '../training/rand_score.js';
import type {SegmentationEpochReport, SegmentationHistory} from '../training/segmentation_history.js';
import type {SegmentationScores} from '../training/segmentation_metrics.js';
import {html, type Markup} from './html.js';
import {jpegDataUri} from './jpeg_data_uri.js';
import {chartSvg} from './report_charts.js';
import {count, decimal, percent, reportPage, stroke, swatch} from './report_page.js';

/** A test image as it is to be shown, for example beside its mask. */
export interface ReportedPicture {
  name: string;
  image: RgbImage;
  /** Of this image alone. */
  scores: SegmentationScores;
}

export interface SegmentationReportArgs {
  title: string;
  /** Under the title, for example the date. */
  subtitle?: string;
  /** The command that made it, as typed. */
  command: string;
  /** What was set, by name, in order. */
  configuration: Readonly<Record<string, string | number>>;
  /** Number of the model's weights, trainable or not. */
  parameters: number;
  history: SegmentationHistory;
  classNames: readonly string[];
  pictures: readonly ReportedPicture[];
  /** What the pictures show from left to right, in words. */
  caption?: string;
  /** What the colours in the pictures mean. */
  legend?: readonly {color: Rgb; text: string}[];
}

const WHO = 'writeSegmentationReport';

const ARGUMENTS = {
  ...{title: true, subtitle: true, command: true, configuration: true, parameters: true, history: true},
  ...{classNames: true, pictures: true, caption: true, legend: true},
} as const satisfies ArgumentNames<SegmentationReportArgs>;

/**
 * Writes the report.
 *
 * @throws ConfigError where the history and the class names do not fit.
 */
export async function writeSegmentationReport(path: string, args: SegmentationReportArgs): Promise<void> {
  await writeFile(path, await renderSegmentationReport(args));
}

/** The report as the text of an HTML document. @throws as `writeSegmentationReport`. */
export async function renderSegmentationReport(args: SegmentationReportArgs): Promise<string> {
  checkArguments(WHO, args, ARGUMENTS);
  const {evaluation} = args.history;
  if (evaluation && evaluation.iou.length !== args.classNames.length) {
    throw new ConfigError(
      `${WHO}: classNames must be those of the evaluation, ${evaluation.iou.length}; got ` +
        `${args.classNames.length}.`,
    );
  }
  const main = html`<h2>Results</h2>
${results(args)}
<h2>By epoch</h2>
${await curves(args.history.epochs)}
<h2>Test images</h2>
${pictureList(args)}`;
  return reportPage({...args, summary: summary(args.history), main}).text;
}

function summary({evaluation, stopped, epochs}: SegmentationHistory): Markup {
  const sentence = evaluation
    ? `Of the test images' pixels ${percent(evaluation.pixelAccuracy)} have the right class; the mean intersection over union of the classes is ${decimal(evaluation.meanIou, 3)}.`
    : 'The model was not evaluated.';
  const cause = stopped === 'budget' ? 'its time was spent' : 'it was interrupted';
  const notice =
    stopped === 'finished'
      ? null
      : html`<p class="notice">The training stopped in epoch ${epochs.length} because ${cause}.</p>`;
  return html`<p>${sentence}</p>${notice}`;
}

function results({history, classNames, parameters}: SegmentationReportArgs): Markup {
  const {evaluation, steps, stepMs} = history;
  const time = stepMs === null ? '–' : `${decimal(stepMs, 0)} ms`;
  const line = html`<p class="muted">${count(parameters)} parameters, ${count(steps)} steps, ${time} per step (median, reading the data included).</p>`;
  return evaluation === null ? line : html`${scoresTable(evaluation, classNames)}${line}`;
}

/** The figures of each class, their means, and the Rand score where there is one. */
export function scoresTable(evaluation: SegmentationEvaluation, classNames: readonly string[]): Markup {
  const pixels = evaluation.confusion.flat().reduce((sum, value) => sum + value, 0);
  const figure = (value: number | null) => (value === null ? '–' : decimal(value, 3));
  const rows = classNames.map((name, k) => {
    const share = evaluation.confusion[k].reduce((sum, value) => sum + value, 0) / pixels;
    const cells = [figure(evaluation.iou[k]), figure(evaluation.dice[k]), percent(share)].map(
      (text) => html`<td class="number">${text}</td>`,
    );
    return html`<tr><th scope="row">${name}</th>${cells}</tr>`;
  });
  const mean = [decimal(evaluation.meanIou, 3), decimal(evaluation.meanDice, 3), ''].map(
    (text) => html`<td class="number">${text}</td>`,
  );
  const heads = ['IoU', 'Dice', 'share of pixels'].map(
    (text) => html`<th scope="col" class="number">${text}</th>`,
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">class</th>${heads}</tr></thead><tbody>${rows}<tr><th scope="row">mean</th>${mean}</tr></tbody></table></div>${randSentence(evaluation.rand)}`;
}

function randSentence(rand: RandScore | null): Markup | null {
  if (rand === null) return null;
  const {score, split, merge} = rand;
  return html`<p>Foreground-restricted Rand score ${decimal(score, 3)} (split ${decimal(split, 3)}, merge ${decimal(merge, 3)}), the mean over the images.</p>`;
}

async function curves(epochs: readonly SegmentationEpochReport[]): Promise<Markup> {
  if (epochs.length === 0) return html`<p>No epoch was trained.</p>`;
  const curve = (split: 'train' | 'test', figure: keyof SegmentationEpochReport) => ({
    series: 0,
    split,
    values: epochs.map((epoch) => epoch[figure]),
  });
  const charts = [
    {label: 'Training loss', curves: [curve('train', 'trainLoss')], domain: [0, 0]},
    {
      label: 'Mean intersection over union',
      curves: [curve('train', 'trainMeanIou'), curve('test', 'testMeanIou')],
    },
    {
      label: 'Pixel accuracy',
      curves: [curve('train', 'trainPixelAccuracy'), curve('test', 'testPixelAccuracy')],
      format: '%',
    },
  ] as const;
  const figures: Markup[] = [];
  for (const chart of charts) {
    const svg = await chartSvg(chart);
    figures.push(html`<figure><figcaption>${chart.label}</figcaption>${svg}</figure>`);
  }
  return html`<ul class="key">${stroke('none', 'test images')}${stroke('4 3', 'training crops')}</ul>
<div class="charts">${figures}</div>`;
}

/** Pictures with their figures, a caption and what the colours mean. */
export function pictureList({
  pictures,
  caption,
  legend = [],
}: Pick<SegmentationReportArgs, 'pictures' | 'caption' | 'legend'>): Markup {
  const key = legend.map(({color, text}) => html`<li>${swatch(`rgb(${color.join()})`)}${text}</li>`);
  const items = pictures.map(({name, image, scores}) => {
    const figures = `mean IoU ${decimal(scores.meanIou, 3)}, pixel accuracy ${percent(scores.pixelAccuracy)}`;
    return html`<li><img src="${jpegDataUri(image)}" width="${image.width}" height="${image.height}" alt="test image ${name}"><strong>${name}</strong> <span class="muted">${figures}</span></li>`;
  });
  return html`${caption === undefined ? null : html`<p class="muted">${caption}</p>`}
<ul class="key">${key}</ul>
<ul class="pictures">${items}</ul>`;
}
