/** The report of an evaluation: one HTML file with the figures of each class, the confusion matrix and test images. */
import type {ImageDataset} from '../data/dataset.js';
import {classFigures} from '../training/class_figures.js';
import type {Evaluation} from '../training/evaluate.js';
import {html, type Markup} from './html.js';
import {confusionMatrix} from './report_confusion.js';
import {imageGrids} from './report_images.js';
import {count, decimal, percent, reportPage} from './report_page.js';

export interface EvaluationReportArgs {
  title: string;
  /** Under the title, for example the date. */
  subtitle?: string;
  /** The command that made it, as typed. */
  command: string;
  /** What was set, by name, in order. */
  configuration: Readonly<Record<string, string | number>>;
  /** Name of the model. */
  name: string;
  /** What it was evaluated on. */
  dataset: ImageDataset;
  evaluation: Evaluation;
  /** Images in each of the two grids. Default 20. */
  imageCount?: number;
}

/** The report as the text of an HTML document. @throws DataError where an image cannot be read. */
export async function renderEvaluationReport(args: EvaluationReportArgs): Promise<string> {
  const {dataset, evaluation, name, imageCount = 20} = args;
  const {accuracy, loss, confusion, predictions} = evaluation;
  const seen = predictions.filter((prediction) => prediction >= 0).length;
  const summary = html`<p>Of ${count(seen)} images of ${dataset.classNames.length} classes, ${percent(accuracy)} are classified correctly; the mean loss is ${decimal(loss, 3)}.</p>`;
  const main = html`<h2>Classes</h2>
${classTable(confusion, dataset.classNames)}
<h2>Confusion</h2>
<p class="muted">Images by true class (rows) and predicted class (columns); the shade is the share of the row.</p>
<div class="matrices"><div>${confusionMatrix(confusion, dataset.classNames)}</div></div>
<h2>Images</h2>
<p class="muted">The true class in bold, then what the model said and how sure it was. A red frame marks a mistake.</p>
${await imageGrids(dataset, [{name, evaluation}], imageCount)}`;
  return reportPage({...args, summary, main}).text;
}

function classTable(confusion: readonly (readonly number[])[], classNames: readonly string[]): Markup {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  const rows = classFigures(confusion, classNames).map(({name, images, recall, precision, f1}) => {
    const cells = [count(images), share(recall), share(precision), f1 === null ? '–' : decimal(f1, 3)].map(
      (text) => html`<td class="number">${text}</td>`,
    );
    return html`<tr><th scope="row">${name}</th>${cells}</tr>`;
  });
  const heads = ['images', 'recall', 'precision', 'F1'].map(
    (text) => html`<th scope="col" class="number">${text}</th>`,
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">class</th>${heads}</tr></thead><tbody>${rows}</tbody></table></div>
<p class="muted">Recall: the share of a class's images that are found. Precision: the share of right ones among the images taken for the class.</p>`;
}
