/**
 * `tfjs-swint evaluate`: how well a model does on labelled images. Of a classifier accuracy, loss, the figures of each class
 * and the confusion matrix; of a segmentation network mean IoU, pixel accuracy, IoU by class and the Rand score.
 */
import type {Command} from 'commander';
import {pretrainedModels} from '../pretrained_models.js';
import {printable} from '../printable.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {evaluateClasses} from './evaluate_classes.js';
import {evaluateMasks} from './evaluate_masks.js';
import {
  DATA,
  type EvaluateOptions,
  type EvaluateSettings,
  OUTPUT,
  SEGMENTATION,
} from './evaluate_settings.js';
import {MASKS} from './mask_options.js';
import {checkTaskOptions, openModel, taskOf} from './open_model.js';
import {addOptions} from './options.js';
import {shellWord} from './shell_word.js';
import {startBackend} from './start_backend.js';
import {MACHINE} from './train_settings.js';
import {UsageError} from './usage_error.js';

const EXAMPLES = `
Examples:
  tfjs-swint evaluate runs/first/swin --data cifar-10-batches-bin
  tfjs-swint evaluate runs/first/swin --data photos --part all --report photos.html
  tfjs-swint evaluate runs/cells/model --data membrane --test 20-29 --json`;

/**
 * The command. Its `parseAsync` throws UsageError for the command line, and other SwintErrors for model, data or disk.
 *
 * @param run What is done with the settings; default the evaluation.
 */
export function evaluateCommand(
  context: Context,
  run: (settings: EvaluateSettings, context: Context) => void | Promise<void> = evaluateModel,
): Command {
  const command = newCommand('evaluate', context)
    .summary('measure a model on labelled images')
    .description(
      'Measures a classifier (accuracy, loss, the figures of each class, the confusion matrix) or a segmentation network ' +
        '(mean IoU, pixel accuracy, IoU and Dice of each class, the Rand score) on labelled images.',
    )
    .usage('MODEL --data DIR [options]')
    .argument(
      '[MODEL...]',
      'a folder with model.json, as train writes it; the URL of a model.json; or the name of a network of the package: ' +
        Object.keys(pretrainedModels).join(', '),
    )
    .addHelpText('after', EXAMPLES)
    .action((models: string[], options: EvaluateOptions) =>
      run(settingsOf(models, options, context), context),
    );
  addOptions(command, 'Data:', DATA);
  addOptions(command, 'Masks:', MASKS);
  addOptions(command, 'Segmentation networks:', SEGMENTATION);
  addOptions(command, 'Output:', OUTPUT);
  addOptions(command, 'Machine:', MACHINE);
  return command;
}

function settingsOf(
  models: readonly string[],
  {data, ...options}: EvaluateOptions,
  {args}: Context,
): EvaluateSettings {
  const help = `(${PROGRAM} evaluate --help)`;
  if (models.length !== 1) {
    throw new UsageError(`evaluate: one model must be given; got ${models.join(' ') || 'none'} ${help}.`);
  }
  if (data === null) {
    throw new UsageError(`evaluate: --data must be a folder of labelled images; got nothing ${help}.`);
  }
  const command = [PROGRAM, ...args].map(shellWord).join(' ');
  return {...options, data, model: models[0]!, command};
}

const OF_TASKS = {
  classify: ['batchSize', 'views'],
  segment: [...Object.keys(MASKS), ...Object.keys(SEGMENTATION)],
};

async function evaluateModel(settings: EvaluateSettings, {out, err}: Context): Promise<void> {
  // JSON is for a program, which wants nothing else; what a person has to know then goes to stderr.
  const line = (text = '') => void (settings.json || out.write(`${printable(text)}\n`));
  const note = (text: string) => void (settings.json ? err : out).write(`${printable(text)}\n`);
  await startBackend(settings, line);
  const model = await openModel(settings.model);
  try {
    const parameters = model.countParams().toLocaleString('en-US');
    line(`Model    ${settings.model}: ${parameters} parameters`);
    const task = taskOf('evaluate', model);
    checkTaskOptions('evaluate', task, settings, OF_TASKS);
    const evaluated = task === 'classify' ? evaluateClasses : evaluateMasks;
    const result = await evaluated(model, settings, {out, line, note});
    if (settings.json) out.write(`${JSON.stringify({model: settings.model, ...result}, null, 2)}\n`);
    else if (settings.report !== null) line(`Report   ${settings.report}`);
  } finally {
    model.dispose();
  }
}
