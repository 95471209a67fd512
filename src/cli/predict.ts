/**
 * `tfjs-swint predict`: what is in pictures. A classifier names the most probable classes of each; a segmentation network
 * writes each picture with its classes in colour, and says how much of it they cover.
 *
 * A picture that cannot be read is one line on stderr; the others go on, and the exit code is 1.
 */
import type {Command} from 'commander';
import {SwintError} from '../errors.js';
import {pretrainedModels} from '../pretrained_models.js';
import {printable} from '../printable.js';
import {type Context, newCommand} from './command.js';
import {checkTaskOptions, openModel, taskOf} from './open_model.js';
import {addOptions} from './options.js';
import {picturesOf} from './pictures.js';
import {classPredictor} from './predict_classes.js';
import {maskPredictor} from './predict_masks.js';
import {CLASSES, MASKS, OUTPUT, type Predictor, type PredictSettings} from './predict_settings.js';
import {startBackend} from './start_backend.js';
import {MACHINE} from './train_settings.js';
import {UsageError} from './usage_error.js';

type PredictOptions = Omit<PredictSettings, 'model' | 'pictures'>;

const EXAMPLES = `
Examples:
  tfjs-swint predict runs/first/swin photo.jpg
  tfjs-swint predict runs/first/swin photos/ --top 3
  tfjs-swint predict https://example.org/model/model.json *.jpg --json
  tfjs-swint predict runs/cells/model sections/ --out coloured`;

/**
 * The command. Its `parseAsync` throws UsageError for the command line, CheckpointError for the model, and other SwintErrors
 * for what no picture can be predicted with.
 *
 * @param run What is done with the settings; default the prediction.
 */
export function predictCommand(
  context: Context,
  run: (settings: PredictSettings, context: Context) => void | Promise<void> = predict,
): Command {
  const command = newCommand('predict', context)
    .summary('say what is in pictures: their classes, or the classes of their pixels')
    .description(
      'Names the classes of pictures; or, with a segmentation network, writes each picture with the classes of its pixels in ' +
        `colour, as NAME.overlay.png, and tells their shares. A picture that cannot be read does not stop the others; the exit ` +
        'code is then 1.',
    )
    .usage('MODEL IMAGES... [options]')
    .argument(
      '[MODEL]',
      'a folder with model.json, as train writes it; the URL of a model.json; or the name of a network of the package: ' +
        Object.keys(pretrainedModels).join(', '),
    )
    .argument('[IMAGES...]', 'picture files, folders of them, or patterns such as photos/*.jpg')
    .addHelpText('after', EXAMPLES)
    .action((model: string | undefined, pictures: string[], options: PredictOptions) =>
      run(settingsOf(model, pictures, options), context),
    );
  addOptions(command, 'Classifiers:', CLASSES);
  addOptions(command, 'Segmentation networks:', MASKS);
  addOptions(command, 'Output:', OUTPUT);
  addOptions(command, 'Machine:', MACHINE);
  return command;
}

function settingsOf(
  model: string | undefined,
  pictures: readonly string[],
  options: PredictOptions,
): PredictSettings {
  if (model === undefined || pictures.length === 0) {
    throw new UsageError(
      `predict: a model and at least one picture must be given; got ${model ?? 'none'}${model === undefined ? '' : ' alone'} ` +
        '(tfjs-swint predict --help).',
    );
  }
  return {...options, model, pictures};
}

async function predict(settings: PredictSettings, context: Context): Promise<void> {
  await startBackend(settings);
  const model = await openModel(settings.model);
  try {
    const task = taskOf('predict', model);
    checkTaskOptions('predict', task, settings, {
      classify: Object.keys(CLASSES),
      segment: Object.keys(MASKS),
    });
    const predictor = task === 'classify' ? classPredictor(model, settings) : maskPredictor(model, settings);
    await predictAll(predictor, settings, context);
  } finally {
    model.dispose();
  }
}

async function predictAll(
  predictor: Predictor,
  {pictures, json}: PredictSettings,
  context: Context,
): Promise<void> {
  const results: object[] = [];
  const failed = (image: string, error: unknown) => {
    // Anything else is a fault in a program, not in a picture or a disk.
    if (!(error instanceof SwintError)) throw error;
    context.exitCode = 1;
    context.err.write(`${printable(error.message)}\n`);
    results.push({image, error: error.message});
  };
  for (const given of pictures) {
    const files = await picturesOf(given).catch((error: unknown): string[] => {
      failed(given, error);
      return [];
    });
    for (const image of files) {
      try {
        const result = await predictor(image);
        results.push({image, ...result.json});
        if (!json) for (const line of [image, ...result.lines]) context.out.write(`${printable(line)}\n`);
      } catch (error) {
        failed(image, error);
      }
    }
  }
  if (json) context.out.write(`${JSON.stringify(results, null, 2)}\n`);
}
