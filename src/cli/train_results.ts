/** What `tfjs-swint train` leaves behind beside the models: a table on the screen, history.json and report.html. */

import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {textTable} from '../../kernels/common/text_table.js';
import {kernelsInUse} from '../../kernels/index.js';
import {backendReport} from '../backends/backend_report.js';
import type {DatasetSplit} from '../data/dataset.js';
import {writeReport} from '../node/report.js';
import type {TrainingHistory} from '../training/training_history.js';
import {duration, type TrainingDisplay} from './display.js';
import {shellWord} from './shell_word.js';
import type {TrainedNetwork} from './train_networks.js';
import type {TrainSettings} from './train_settings.js';

/** @param typed The command line, for people who want the same again. */
export async function writeResults(
  settings: TrainSettings,
  typed: readonly string[],
  data: DatasetSplit,
  trained: readonly TrainedNetwork[],
  display: TrainingDisplay,
): Promise<void> {
  if (trained.length === 0) {
    display.line('Stopped before the first step; nothing was saved.');
    return;
  }
  display.line();
  for (const line of textTable(resultRows(trained), (column) => column > 0)) display.line(line);
  display.line();
  for (const {name, dir} of trained) display.line(`${name.padEnd(14)} ${dir}`);

  const command = typed.map(shellWord).join(' ');
  const configuration = describeConfiguration(settings, data);
  const historyPath = join(settings.out, 'history.json');
  const models = trained.map(({kind, name, parameters, history}) => ({
    kind,
    name,
    parameters,
    ...withoutPredictions(history),
  }));
  const history = {command, configuration, classNames: data.train.classNames, models};
  await writeFile(historyPath, `${JSON.stringify(history, null, 2)}\n`);
  display.line(`${'History'.padEnd(14)} ${historyPath}`);
  const reportPath = join(settings.out, 'report.html');
  await writeReport(reportPath, {
    title: `${trained.map(({name}) => name).join(' and ')} on ${data.train.name.replace(/\/train$/, '')}`,
    subtitle: new Date().toLocaleString('en-GB', {dateStyle: 'long', timeStyle: 'short'}),
    command,
    configuration,
    test: data.test,
    models: trained,
  });
  display.line(`${'Report'.padEnd(14)} ${reportPath}`);
}

function resultRows(trained: readonly TrainedNetwork[]): string[][] {
  const rows = trained.map(({name, parameters, history}) => {
    const {stepMs, evaluation, epochs, seconds} = history;
    return [
      name,
      parameters.toLocaleString('en-US'),
      stepMs === null ? '-' : `${stepMs.toFixed(stepMs < 10 ? 2 : 0)} ms`,
      epochs.at(-1)?.trainLoss.toFixed(3) ?? '-',
      evaluation?.loss.toFixed(3) ?? '-',
      evaluation ? `${(evaluation.accuracy * 100).toFixed(1)}%` : '-',
      duration(seconds),
    ];
  });
  return [['', 'parameters', 'time/step', 'train loss', 'test loss', 'test accuracy', 'total'], ...rows];
}

/** The history without what is as long as the test set. */
function withoutPredictions({evaluation, ...history}: TrainingHistory): object {
  if (evaluation === null) return {...history, evaluation};
  const {loss, accuracy, confusion} = evaluation;
  return {...history, evaluation: {loss, accuracy, confusion}};
}

function describeConfiguration(
  settings: TrainSettings,
  {train, test}: DatasetSplit,
): Record<string, string | number> {
  const {backend, device} = backendReport();
  const operations = Object.values(kernelsInUse().operations);
  const fast = operations.filter((implementation) => implementation !== 'composed').length;
  return {
    backend: `${backend}: ${device}`,
    kernels: `${fast} of ${operations.length} operations have a kernel of their own`,
    'training images': train.size,
    'test images': test.size,
    'image size': `${train.height} x ${train.width} x ${train.channels}`,
    ...(settings.widths === null ? {} : {widths: settings.widths.join(', ')}),
    ...describeLocality(settings),
    ...(settings.recipe === null ? {} : {recipe: settings.recipe}),
    epochs: settings.epochs,
    ...(settings.stepsPerEpoch === null ? {} : {'steps per epoch': settings.stepsPerEpoch}),
    'batch size': settings.batchSize,
    ...(settings.accumulate === 1 ? {} : {'batches per update': settings.accumulate}),
    'learning rate': settings.learningRate,
    schedule: settings.schedule,
    'weight decay': settings.weightDecay,
    'label smoothing': settings.labelSmoothing,
    'warm-up epochs': settings.warmup,
    ...(settings.average === null ? {} : {'average of weights': settings.average}),
    'drop path': settings.dropPath,
    flip: settings.flip === 'alternating' ? 'alternating' : settings.flip ? 'yes' : 'no',
    crop: settings.crop,
    ...describeResizing(settings),
    'test views': settings.views,
    seed: settings.seed,
    platform: `Node ${process.version}, ${process.platform} ${process.arch}`,
  };
}

function describeResizing({progressiveResizing}: TrainSettings): Record<string, string> {
  if (progressiveResizing === null) return {};
  const {from, until} = progressiveResizing;
  return {'progressive resizing': `${from} pixels for ${100 * until} % of the training`};
}

/** The options of SwinT layers that were given. */
function describeLocality({layerScale, ...settings}: TrainSettings): Record<string, string | number> {
  const convolutions = [
    ...(settings.mlpConvolution ? ['MLP'] : []),
    ...(settings.positionConvolution ? ['positions'] : []),
    ...(settings.valueConvolution ? ['values'] : []),
  ];
  return {
    ...(convolutions.length === 0 ? {} : {'depthwise convolutions': convolutions.join(', ')}),
    ...(layerScale === null ? {} : {'layer scale': layerScale}),
  };
}
