/** `tfjs-swint inspect`: what a checkpoint is, the names of its tensors beside ours, and what loading would resize. */
import * as tf from '@tensorflow/tfjs-core';
import type {Command} from 'commander';
import {setupBackend} from '../backends/setup_backend.js';
import {inspectCheckpoint} from '../node/inspect_checkpoint.js';
import {printable} from '../printable.js';
import {LAYOUTS} from '../weights/layouts/index.js';
import {type Context, newCommand} from './command.js';
import {DownloadBar} from './download_bar.js';
import {DOWNLOADS, downloadOptions} from './download_options.js';
import {addOptions, flag, option, type Values} from './options.js';
import {UsageError} from './usage_error.js';
import {count, oneOf} from './values.js';

const OPTIONS = {
  json: flag('print JSON', 'text and a table'),
  layout: option(
    'NAME',
    oneOf(LAYOUTS),
    null,
    `whose names it has: ${LAYOUTS.join(', ')}`,
    'found by the names',
  ),
};

const NETWORK = {
  imageSize: option('N', count, null, 'pixels of a side of its images', "the checkpoint's"),
  window: option('N', count, null, 'its window', "the checkpoint's"),
  classes: option('N', count, null, 'its classes', "the checkpoint's"),
};

type Settings = Values<typeof OPTIONS> & Values<typeof NETWORK> & Values<typeof DOWNLOADS>;

/** The command. Its `parseAsync` throws UsageError for the command line, and CheckpointError for what cannot be read. */
export function inspectCommand(context: Context): Command {
  const command = newCommand('inspect', context)
    .summary('say what a checkpoint is: its network, names and shapes, and what loading would resize')
    .description(
      'What a checkpoint is, the names of its tensors beside ours, and what loading it would resize.',
    )
    .usage('SOURCE [options]')
    .argument(
      '[SOURCE...]',
      'a file (.safetensors, or .pth, .pt, .bin of torch.save), a URL, or a name on a hub, hf:owner/name',
    )
    .action((sources: string[], settings: Settings) => inspect(sources, settings, context));
  addOptions(command, 'Options:', OPTIONS);
  addOptions(command, 'The network that it would be loaded into:', NETWORK);
  addOptions(command, 'Downloads:', DOWNLOADS);
  return command;
}

async function inspect(sources: readonly string[], settings: Settings, {out, err}: Context): Promise<void> {
  const [source] = sources;
  if (sources.length !== 1) {
    throw new UsageError(
      `inspect: one file, URL or name must be given; got ${sources.join(' ') || 'none'} (tfjs-swint inspect --help).`,
    );
  }
  // Silences tfjs's advice, on stderr, to install its native backend; nothing is computed here.
  tf.enableProdMode();
  await setupBackend('cpu');
  const {json, layout, imageSize, window, classes} = settings;
  const bar = new DownloadBar(err);
  try {
    const {text, ...found} = await inspectCheckpoint(source, {
      ...{layout: layout ?? 'auto', imageSize: imageSize ?? undefined},
      ...{windowSize: window ?? undefined, numClasses: classes ?? undefined},
      ...downloadOptions(settings),
      onProgress: bar.show,
    });
    bar.end();
    if (json) out.write(`${JSON.stringify(found, null, 2)}\n`);
    else for (const line of text.split('\n')) out.write(`${printable(line)}\n`);
  } finally {
    bar.end();
  }
}
