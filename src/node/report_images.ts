/** Test images with what each model said about them: a sample over all classes, and the most confident mistakes. */
import type {ImageDataset} from '../data/dataset.js';
import {DataError} from '../errors.js';
import type {Evaluation} from '../training/evaluate.js';
import {html, type Markup} from './html.js';
import {pngDataUri} from './png_data_uri.js';

/** What one model said about the test set. */
export interface Verdict {
  name: string;
  evaluation: Evaluation;
}

/** Both grids, of at most `count` images each. Images that no model saw (unreadable ones) are left out. */
export async function imageGrids(
  dataset: ImageDataset,
  verdicts: readonly Verdict[],
  count: number,
): Promise<Markup> {
  const sample = balancedSample(dataset, verdicts, count);
  const mistakes = confidentMistakes(dataset, verdicts, count);
  const grid = async (indices: readonly number[]): Promise<Markup> => {
    const cards: Markup[] = [];
    for (const index of indices) cards.push(await imageCard(dataset, verdicts, index));
    return html`<ul class="images">${cards}</ul>`;
  };
  return html`<h3>A sample over all classes</h3>${await grid(sample)}
<h3>The most confident mistakes</h3>${
    mistakes.length === 0 ? html`<p>No test image was misclassified.</p>` : await grid(mistakes)
  }`;
}

const wasSeen = (verdicts: readonly Verdict[], index: number) =>
  verdicts.some(({evaluation}) => evaluation.predictions[index] >= 0);

/** The first images of each class, the classes taking turns. */
function balancedSample(dataset: ImageDataset, verdicts: readonly Verdict[], count: number): number[] {
  const byClass = dataset.classNames.map((): number[] => []);
  for (let index = 0; index < dataset.size; ++index) {
    if (wasSeen(verdicts, index)) byClass[dataset.label(index)].push(index);
  }
  const chosen: number[] = [];
  const turns = Math.max(0, ...byClass.map(({length}) => length));
  for (let turn = 0; turn < turns && chosen.length < count; ++turn) {
    for (const indices of byClass)
      if (turn < indices.length && chosen.length < count) chosen.push(indices[turn]);
  }
  return chosen;
}

function confidentMistakes(dataset: ImageDataset, verdicts: readonly Verdict[], count: number): number[] {
  const wrong = new Map<number, number>();
  for (const {evaluation} of verdicts) {
    for (const [index, prediction] of evaluation.predictions.entries()) {
      if (prediction < 0 || prediction === dataset.label(index)) continue;
      wrong.set(index, Math.max(wrong.get(index) ?? 0, evaluation.confidences[index]));
    }
  }
  return [...wrong]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([index]) => index);
}

async function imageCard(
  dataset: ImageDataset,
  verdicts: readonly Verdict[],
  index: number,
): Promise<Markup> {
  const {height, width, channels, classNames} = dataset;
  const label = dataset.label(index);
  const pixels = toRgb(await dataset.read(index), channels, dataset.name);
  const lines = verdicts.map(({name, evaluation}) => {
    const prediction = evaluation.predictions[index];
    if (prediction < 0)
      return html`<span class="verdict"><b>–</b><span><span class="model">${name}</span> not seen</span></span>`;
    const right = prediction === label;
    const share = `${Math.round(evaluation.confidences[index] * 100)}\u00a0%`;
    return html`<span class="verdict ${right ? 'right' : 'wrong'}"><b aria-label="${right ? 'right' : 'wrong'}">${right ? '✓' : '✗'}</b><span><span class="model">${name}</span> ${classNames[prediction]}</span><small>${share}</small></span>`;
  });
  const anyWrong = verdicts.some(({evaluation}) => evaluation.predictions[index] !== label);
  const alt = `test image ${index}: ${classNames[label]}`;
  return html`<li class="${anyWrong ? 'has-wrong' : ''}"><img src="${pngDataUri(pixels, width, height)}" width="${width}" height="${height}" alt="${alt}"><strong>${classNames[label]}</strong>${lines}</li>`;
}

function toRgb(pixels: Uint8Array, channels: number, name: string): Uint8Array {
  if (channels === 3) return pixels;
  if (channels !== 1) {
    throw new DataError(`report(${name}): images must have 1 or 3 channels to be shown; got ${channels}.`);
  }
  const rgb = new Uint8Array(pixels.length * 3);
  for (const [i, value] of pixels.entries()) rgb.fill(value, 3 * i, 3 * i + 3);
  return rgb;
}
