/** The page that classifies a picture, by the shipped CIFAR-10 network, one trained on these pages, or a file. */
import {type ComputeWorker, ConfigError, type WorkerModel} from 'tfjs-swint/worker';
import {startComputing} from './parts/computing.js';
import {drawRollout} from './parts/draw_attention.js';
import {drawPicture} from './parts/draw_picture.js';
import {CIFAR, isNetworkFile, type Network, networkOfFiles, savedNetworks} from './parts/networks.js';
import {duration, element, inTurn, make, percent, say} from './parts/page.js';
import {pictureField} from './parts/picture_field.js';
import {drawings} from './parts/sample_pictures.js';

type Predictions = Awaited<ReturnType<typeof classified>>;

const networkField = element('network', HTMLSelectElement);
const networks: Network[] = [CIFAR];
let worker: ComputeWorker | undefined;
let model: WorkerModel | undefined;
let picture: ImageBitmap | undefined;

/** Fills the field with the networks there are, and chooses number `index`. */
function listNetworks(index: number): void {
  networkField.replaceChildren(
    ...networks.map(({name}, i) => make('option', {value: String(i), selected: i === index}, name)),
  );
}

async function loadNetwork(index: number): Promise<void> {
  if (!worker) return;
  const {name, about, load} = networks[index]!;
  await model?.dispose();
  model = undefined;
  say(`Loading ${name} …`);
  element('about', HTMLParagraphElement).textContent = about;
  model = await load(worker, (progress) => say(`Loading ${name}: ${progress} …`));
  say('Ready: give it a picture.');
  await answer();
}

const classified = (network: WorkerModel, image: ImageBitmap) => network.classify(image);

async function answer(): Promise<void> {
  if (!model || !picture) return;
  say('Computing …');
  const start = performance.now();
  const predictions = await classified(model, picture);
  const seconds = (performance.now() - start) / 1000;
  showBars(predictions);
  element('timing', HTMLParagraphElement).textContent = `Classified in ${duration(seconds)}.`;
  const [best] = predictions;
  say(`${best!.label}, ${percent(best!.probability)}`);
  await showAttention(model, picture);
}

/** Darkens the parts of the picture that the classes do not come from; nothing for a network without attention. */
async function showAttention(network: WorkerModel, image: ImageBitmap): Promise<void> {
  const overlay = element('attention', HTMLCanvasElement);
  let hasAttention = true;
  try {
    drawRollout(overlay, element('image', HTMLCanvasElement), image, await network.attentionMaps(image));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    hasAttention = false; // A network of convolutions only.
  }
  for (const id of ['attention-row', 'attention-note']) element(id, HTMLElement).hidden = !hasAttention;
  overlay.hidden = !hasAttention || !element('show-attention', HTMLInputElement).checked;
}

function showBars(predictions: Predictions): void {
  const items = predictions.map(({label, probability}) => {
    const item = make('li', {}, make('span', {}, label), make('span', {}, percent(probability)));
    item.style.setProperty('--share', `${100 * probability}%`);
    return item;
  });
  element('answer', HTMLOListElement).replaceChildren(...items);
}

async function show(next: ImageBitmap): Promise<void> {
  picture?.close();
  picture = next;
  drawPicture(element('image', HTMLCanvasElement), picture);
  element('picture', HTMLDivElement).hidden = false;
  await answer();
}

function openNetwork(files: readonly File[]): void {
  inTurn(async () => {
    networks.push(networkOfFiles(files));
    listNetworks(networks.length - 1);
    await loadNetwork(networks.length - 1);
  });
}

pictureField(element('pick', HTMLDivElement), {
  samples: drawings,
  onPicture: show,
  onOtherFiles(files) {
    const isNetwork = files.every(isNetworkFile);
    if (isNetwork) openNetwork(files);
    return isNetwork;
  },
});
networkField.addEventListener('change', () => inTurn(() => loadNetwork(Number(networkField.value))));
const filesField = element('weights', HTMLInputElement);
filesField.addEventListener('change', () => {
  if (filesField.files?.length) openNetwork([...filesField.files]);
  filesField.value = '';
});

const [strength, showing] = [
  element('strength', HTMLInputElement),
  element('show-attention', HTMLInputElement),
];
const restyle = () => {
  const overlay = element('attention', HTMLCanvasElement);
  overlay.style.opacity = `${strength.value}%`;
  overlay.hidden = !showing.checked;
};
strength.addEventListener('input', restyle);
showing.addEventListener('input', restyle);
restyle();

listNetworks(0);
inTurn(async () => {
  say('Starting …');
  worker = await startComputing();
  networks.push(...(await savedNetworks()));
  listNetworks(0);
  await loadNetwork(0);
});
