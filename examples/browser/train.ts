/**
 * The page that trains. Images, curves and checkpoints are in the browser's database: a page that is closed or loaded anew in
 * the middle of a training goes on with it.
 */
import type {ComputeWorker, WorkerModel} from 'tfjs-swint/worker';
import {
  classesOfFiles,
  drawnClasses,
  filesOfDrop,
  filesOfField,
  type ImageClass,
} from './parts/class_images.js';
import {ClassList} from './parts/class_list.js';
import {startComputing} from './parts/computing.js';
import {readValue, removeValues, writeValue} from './parts/database.js';
import {SAVED} from './parts/networks.js';
import {element, inTurn, make, percent, say, showError} from './parts/page.js';
import {button, takeDrops} from './parts/picture_field.js';
import {CHECKPOINTS, LAYER_NAMES, type LayerKind, type Plan, trainNetwork} from './parts/training.js';
import {type LayerProgress, type Progress, showProgress, TimeLeft} from './parts/training_view.js';

/** Names in the database: the classes on the page, those that the training learns, and how far that is. */
const [CLASSES, TRAINED, PROGRESS] = ['classes', 'trained', 'progress'];

/** Least images of a class: three to learn from and one to test with. */
const LEAST = 4;

const form = element('plan', HTMLFormElement);
const buttons = {
  start: element('start', HTMLButtonElement),
  stop: element('stop', HTMLButtonElement),
  goOn: element('go-on', HTMLButtonElement),
};
const list = new ClassList(element('classes', HTMLDivElement), () => {
  inTurn(() => writeValue(CLASSES, list.classes));
});
let worker: ComputeWorker | undefined;
let stopping: AbortController | undefined;
let progress: Progress | undefined;

function showButtons(): void {
  buttons.start.disabled = worker === undefined || stopping !== undefined;
  buttons.stop.disabled = stopping === undefined;
  buttons.goOn.disabled = buttons.start.disabled || progress?.state !== 'stopped';
}

function planOfForm(): Plan {
  const fields = new FormData(form);
  return {
    layers: String(fields.get('layers')).split(',') as LayerKind[],
    epochs: Number(fields.get('epochs')),
    mirror: fields.has('mirror'),
  };
}

/** @throws Error in plain words where there is too little to learn from. */
function checkClasses(classes: readonly ImageClass[]): void {
  if (classes.length < 2) throw new Error('There must be at least two classes to tell apart.');
  const small = classes.find(({images}) => images.length < LEAST);
  if (small) {
    throw new Error(
      `Each class must have at least ${LEAST} pictures; ${small.name} has ${small.images.length}.`,
    );
  }
}

/** Begins anew: what was learned before is forgotten, unless it was saved. */
async function start(): Promise<void> {
  checkClasses(list.classes);
  await removeValues(CHECKPOINTS);
  await writeValue(TRAINED, list.classes);
  progress = {plan: planOfForm(), state: 'running', layers: {}};
  await run();
}

/** Trains what the plan says and is not done yet. The page stays usable meanwhile: only the worker is busy. */
async function run(): Promise<void> {
  if (!worker || !progress) return;
  stopping = new AbortController();
  progress.state = 'running';
  element('results', HTMLDivElement).replaceChildren();
  showButtons();
  try {
    await writeValue(PROGRESS, progress);
    // As they were at the start: those on the page may have been changed since.
    const classes = (await readValue<ImageClass[]>(TRAINED)) ?? [];
    const time = new TimeLeft();
    for (const [i, layer] of progress.plan.layers.entries()) {
      await trainLayer(worker, classes, layer, (share, where) =>
        time.show((i + share) / progress!.plan.layers.length, where),
      );
      if (stopping.signal.aborted) break;
    }
    progress.state = stopping.signal.aborted ? 'stopped' : 'ended';
    await writeValue(PROGRESS, progress);
    say(progress.state === 'ended' ? 'The training has ended.' : 'Stopped.');
  } catch (error) {
    progress.state = 'stopped';
    throw error;
  } finally {
    stopping = undefined;
    showButtons();
  }
}

async function trainLayer(
  computer: ComputeWorker,
  classes: readonly ImageClass[],
  layer: LayerKind,
  tell: (share: number, where: string) => void,
): Promise<void> {
  const {plan, layers} = progress!;
  const name = LAYER_NAMES[layer];
  layers[layer] ??= {loss: [], accuracy: [], ended: false};
  const kept: LayerProgress = layers[layer];
  say(`Training ${name} …`);
  const {model, history} = await trainNetwork(computer, {
    ...{classes, plan, layer, signal: stopping!.signal},
    onBatch({epoch, epochs, step, steps, runningLoss}) {
      const at = epoch - 1 + step / steps;
      // What was shown after the checkpoint that a training goes on from is shown again.
      kept.loss = [...kept.loss.filter(([before]) => before < at), [at, runningLoss]];
      tell(at / epochs, `${name}, epoch ${epoch} of ${epochs}`);
      showProgress(progress!);
    },
    async onEpoch({epoch, testAccuracy}) {
      if (testAccuracy === null) return;
      kept.accuracy = [...kept.accuracy.filter(([before]) => before < epoch), [epoch, testAccuracy]];
      showProgress(progress!);
      await writeValue(PROGRESS, progress);
    },
  });
  kept.ended = history.stopped !== 'aborted';
  if (kept.ended) tell(1, `${name}, ${history.epochs.length} of ${plan.epochs} epochs`);
  showProgress(progress!);
  showResult(layer, model, history.evaluation?.accuracy);
}

/** What can be done with a network that has learned. */
function showResult(layer: LayerKind, model: WorkerModel, accuracy: number | undefined): void {
  const name = make('input', {
    type: 'text',
    value: layer === 'swin' ? 'my SwinT' : 'my convolutions',
    ariaLabel: 'Name to save under',
  });
  const save = button('Save in this browser', () =>
    inTurn(async () => {
      await model.save(`${SAVED}${name.value}`);
      say(`Saved as ${name.value}: the page Classify has it.`);
    }),
  );
  const download = button('Download', () => inTurn(() => downloadModel(model)));
  const right = accuracy === undefined ? 'not tested yet' : `${percent(accuracy)} of the test pictures right`;
  element('results', HTMLDivElement).append(
    make('h2', {}, `${LAYER_NAMES[layer]}: ${right}`),
    make('p', {className: 'quiet'}, `${model.parameters.toLocaleString('en')} parameters`),
    make('div', {className: 'row'}, name, save, download),
  );
}

/** Saves model.json and weights.bin, as tfjs's own downloads are called, for `tf.loadLayersModel` and the page Classify. */
async function downloadModel(model: WorkerModel): Promise<void> {
  const {weightData, weightSpecs, ...parts} = await model.save();
  const weightsManifest = [{paths: ['weights.bin'], weights: weightSpecs}];
  const files = {
    'model.json': new Blob([JSON.stringify({...parts, weightsManifest})], {type: 'application/json'}),
    'weights.bin': new Blob([weightData ?? []].flat()),
  };
  for (const [name, blob] of Object.entries(files)) {
    const link = make('a', {href: URL.createObjectURL(blob), download: name});
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

async function addFiles(files: Promise<{file: File; path: string}[]>): Promise<void> {
  const found = await files;
  const added = await classesOfFiles(found, (done) => say(`Reading pictures: ${done} of ${found.length} …`));
  list.add(added);
  say(`${found.length} pictures of ${added.length} classes.`);
}

/** Trains without holding up the rest of the page, and shows what goes wrong. */
const train = (task: () => Promise<void>) => {
  showError('');
  task().catch(showError);
};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  train(start);
});
buttons.stop.addEventListener('click', () => stopping?.abort());
buttons.goOn.addEventListener('click', () => train(run));
const folder = element('folder', HTMLInputElement);
folder.addEventListener('change', () => {
  const files = filesOfField(folder.files ?? []);
  inTurn(() => addFiles(Promise.resolve(files)));
});
takeDrops(element('drop', HTMLDivElement), (dropped) => {
  const files = filesOfDrop(dropped);
  inTurn(() => addFiles(files));
});
element('draw', HTMLButtonElement).addEventListener('click', () =>
  inTurn(async () => list.add(await drawnClasses(40))),
);
element('add-class', HTMLButtonElement).addEventListener('click', () => list.addEmpty());

inTurn(async () => {
  say('Starting …');
  list.classes = (await readValue<ImageClass[]>(CLASSES)) ?? [];
  progress = await readValue<Progress>(PROGRESS);
  list.show();
  if (progress) showProgress(progress);
  worker = await startComputing();
  showButtons();
  say('Ready: give each class some pictures.');
  if (progress && progress.state !== 'stopped') train(run);
});
