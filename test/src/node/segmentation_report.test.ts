import {readFile} from 'node:fs/promises';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {
  renderSegmentationReport,
  type SegmentationReportArgs,
  writeSegmentationReport,
} from '../../../src/node/segmentation_report.js';
import type {SegmentationHistory} from '../../../src/training/segmentation_history.js';
import {segmentationScores} from '../../../src/training/segmentation_metrics.js';
import {errorOf} from '../data/memory_dataset.js';
import {temporaryFolder} from './temporary_folder.js';

const confusion = [
  [50, 10, 0],
  [5, 35, 0],
  [0, 0, 0],
];
const scores = segmentationScores(confusion);

const history: SegmentationHistory = {
  epochs: [1, 2, 3].map((epoch) => ({
    epoch,
    trainLoss: 1 / epoch,
    trainPixelAccuracy: 0.6 + 0.1 * epoch,
    trainMeanIou: 0.2 * epoch,
    testPixelAccuracy: 0.5 + 0.1 * epoch,
    testMeanIou: epoch === 3 ? null : 0.1 * epoch,
    learningRate: 1e-3,
    steps: 10,
    trainSeconds: 2,
    testSeconds: 1,
  })),
  stopped: 'budget',
  steps: 30,
  stepMs: 1234.5,
  seconds: 9,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  evaluation: {...scores, confusion, rand: null},
};

const args = (changes: Partial<SegmentationReportArgs> = {}): SegmentationReportArgs => ({
  title: 'Cells',
  command: 'node segment.js',
  configuration: {epochs: 3, network: 'hybrid'},
  parameters: 123456,
  history,
  classNames: ['line', 'cell <b>', 'none'],
  pictures: [{name: 'seven', image: {data: new Uint8Array(12), width: 2, height: 2}, scores}],
  caption: 'From left to right.',
  legend: [{color: [1, 2, 3], text: 'right'}],
  ...changes,
});

/** The text between tags, each run on its own. */
const texts = (page: string) =>
  page
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .split(/<[^>]*>/)
    .map((text) => text.trim())
    .filter((text) => text !== '');

describe('the segmentation report', () => {
  const path = temporaryFolder();

  it('holds the figures of every class, and their means', async () => {
    const page = texts(await renderSegmentationReport(args()));
    const row = (name: string) => page.slice(page.indexOf(name), page.indexOf(name) + 4);
    expect(row('line')).to.deep.equal(['line', '0.769', '0.870', '60.0\u00a0%']);
    expect(row('cell &lt;b&gt;')).to.deep.equal(['cell &lt;b&gt;', '0.700', '0.824', '40.0\u00a0%']);
    expect(row('none')).to.deep.equal(['none', '–', '–', '0.0\u00a0%']);
    expect(row('mean').slice(0, 3)).to.deep.equal(['mean', '0.735', '0.847']);
    expect(page).to.include(
      '123,456 parameters, 30 steps, 1235 ms per step (median, reading the data included).',
    );
    expect(page.join(' ')).to.contain('85.0\u00a0% have the right class');
    expect(page).to.include('The training stopped in epoch 3 because its time was spent.');
  });

  it('draws three charts and every picture, from no other file and without a script', async () => {
    const page = await renderSegmentationReport(args());
    expect(page.match(/<svg[^>]*role="img"/g)).to.have.length(3);
    const pictures = page.match(/<img src="data:image\/jpeg;base64,[^"]+" width="2" height="2"/g);
    expect(pictures).to.have.length(1);
    expect(page).to.contain('rgb(1,2,3)');
    expect(texts(page)).to.include.members([
      'seven',
      'mean IoU 0.735, pixel accuracy 85.0\u00a0%',
      'From left to right.',
    ]);
    expect(page).not.to.match(/<script|https?:\/\/(?!www\.w3\.org)/);
  });

  it('says when there is nothing to show', async () => {
    const nothing: SegmentationHistory = {
      ...history,
      ...{epochs: [], evaluation: null, steps: 0, stepMs: null, stopped: 'aborted'},
    };
    const page = texts(await renderSegmentationReport(args({history: nothing, pictures: []})));
    expect(page).to.include.members(['The model was not evaluated.', 'No epoch was trained.']);
  });

  it('is a file, and refuses names of other classes', async () => {
    await writeSegmentationReport(path('report.html'), args());
    expect(await readFile(path('report.html'), 'utf8')).to.equal(await renderSegmentationReport(args()));
    const error = await errorOf(() => renderSegmentationReport(args({classNames: ['a']})));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.contain('those of the evaluation, 3; got 1');
  });
});
