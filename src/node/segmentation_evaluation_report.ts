/** The report of an evaluation of a segmentation network: one HTML file with the figures by class and pictures. */
import type {SegmentationEvaluation} from '../training/evaluate_segmentation.js';
import {html} from './html.js';
import {decimal, percent, reportPage} from './report_page.js';
import {pictureList, type SegmentationReportArgs, scoresTable} from './segmentation_report.js';

export interface SegmentationEvaluationReportArgs
  extends Omit<SegmentationReportArgs, 'history' | 'parameters'> {
  evaluation: SegmentationEvaluation;
}

/** The report as the text of an HTML document. */
export function renderSegmentationEvaluation(args: SegmentationEvaluationReportArgs): string {
  const {evaluation, classNames} = args;
  const summary = html`<p>Of the images' pixels ${percent(evaluation.pixelAccuracy)} have the right class; the mean intersection over union of the classes is ${decimal(evaluation.meanIou, 3)}.</p>`;
  const main = html`<h2>Results</h2>
${scoresTable(evaluation, classNames)}
<h2>Images</h2>
${pictureList(args)}`;
  return reportPage({...args, summary, main}).text;
}
