/** The page that shows the windows of a SwinT on a picture, their shift, and what a chosen cell attends to. */
import type {ComputeWorker, WorkerModel} from 'tfjs-swint/worker';
import {startComputing} from './parts/computing.js';
import {type AttentionLayer, drawAttention, ofCell, windowsOf} from './parts/draw_attention.js';
import {contextOf} from './parts/draw_picture.js';
import {drawnSection} from './parts/drawn_cells.js';
import {CIFAR, MEMBRANES} from './parts/networks.js';
import {element, inTurn, make, percent, say} from './parts/page.js';
import {pictureField} from './parts/picture_field.js';
import {drawings} from './parts/sample_pictures.js';

/** Longest side of a picture that is computed: a map of 64x64 cells is still easy to see. */
const LONGEST = 256;

const networks = [MEMBRANES, CIFAR];
const drawing = element('drawing', HTMLCanvasElement);
const image = element('image', HTMLCanvasElement);
const [blockField, headField, networkField] = ['block', 'head', 'network'].map((id) =>
  element(id, HTMLSelectElement),
) as [HTMLSelectElement, HTMLSelectElement, HTMLSelectElement];
const [rowField, columnField] = ['row', 'column'].map((id) => element(id, HTMLInputElement)) as [
  HTMLInputElement,
  HTMLInputElement,
];
const showWindows = element('show-windows', HTMLInputElement);
let worker: ComputeWorker | undefined;
let model: WorkerModel | undefined;
let picture: ImageBitmap | undefined;
let layers: AttentionLayer[] = [];

async function loadNetwork(): Promise<void> {
  if (!worker) return;
  const {name, about, load} = networks[Number(networkField.value)]!;
  await model?.dispose();
  model = undefined;
  element('about', HTMLParagraphElement).textContent = about;
  say(`Loading ${name} …`);
  model = await load(worker, (progress) => say(`Loading ${name}: ${progress} …`));
  await compute();
}

async function show(next: ImageBitmap): Promise<void> {
  picture?.close();
  const scale = Math.min(1, LONGEST / Math.max(next.width, next.height));
  const [resizeWidth, resizeHeight] = [next.width, next.height].map((side) => Math.round(side * scale));
  picture = await createImageBitmap(next, {resizeWidth, resizeHeight, resizeQuality: 'high'});
  next.close();
  await compute();
}

async function compute(): Promise<void> {
  if (!model || !picture) return;
  say('Computing …');
  const {layers: found, region} = await model.attentionMaps(picture);
  layers = found;
  const {left, top, width, height} = region;
  for (const canvas of [image, drawing]) {
    canvas.width = 640;
    canvas.height = Math.round((640 * height) / width);
  }
  contextOf(image).drawImage(picture, left, top, width, height, 0, 0, image.width, image.height);
  blockField.replaceChildren(
    ...layers.map(({layer, block, size, window, shift}, i) => {
      const kind = shift.some((cells) => cells > 0) ? 'shifted windows' : 'windows';
      const text = `${layer}, block ${block + 1}: ${kind} of ${window.join('x')} on ${size.join('x')} cells`;
      return make('option', {value: String(i)}, text);
    }),
  );
  chooseBlock();
  say('Done. Choose a block and a cell.');
}

/** The block's heads, and a cell in the middle of the map. */
function chooseBlock(): void {
  const {heads, size} = layers[Number(blockField.value)]!;
  const each = Array.from({length: heads}, (_, head) =>
    make('option', {value: String(head)}, `head ${head + 1} of ${heads}`),
  );
  headField.replaceChildren(make('option', {value: ''}, `mean of ${heads} heads`), ...each);
  moveTo(Math.floor(size[0] / 2), Math.floor(size[1] / 2));
}

/** Chooses a cell, the nearest one on the map. */
function moveTo(row: number, column: number): void {
  const layer = layers[Number(blockField.value)];
  if (!layer) return;
  const inside = (value: number, side: number) =>
    String(Math.min(side - 1, Math.max(0, Math.round(value) || 0)));
  rowField.value = inside(row, layer.size[0]);
  columnField.value = inside(column, layer.size[1]);
  rowField.max = String(layer.size[0] - 1);
  columnField.max = String(layer.size[1] - 1);
  draw(layer);
}

function draw(layer: AttentionLayer): void {
  const cell = [Number(rowField.value), Number(columnField.value)] as const;
  const head = headField.value === '' ? undefined : Number(headField.value);
  drawAttention(drawing, layer, {cell, head, borders: showWindows.checked});
  element('words', HTMLParagraphElement).textContent = inWords(layer, cell, head);
}

function inWords(layer: AttentionLayer, cell: readonly [number, number], head: number | undefined): string {
  const {size, shift, window, windows} = layer;
  const {shares, members} = ofCell(layer, cell, head);
  const most = members.reduce((best, one) => (shares[one]! > shares[best]! ? one : best));
  const hidden = members.filter((one) => shares[one] === 0).length;
  const windowOf = windowsOf(layer);
  const place = `Cell (${cell.join(', ')}) of ${size.join('x')} is in window ${windowOf[cell[0] * size[1] + cell[1]]! + 1} of ${windows}, each of ${window.join('x')} cells.`;
  const shifted = shift.some((cells) => cells > 0)
    ? `The windows of this block are shifted by ${shift.join('x')} cells.`
    : 'The windows of this block are not shifted.';
  const attends = `It attends most to cell (${Math.floor(most / size[1])}, ${most % size[1]}), with ${percent(shares[most]!)}.`;
  const masked =
    hidden > 0
      ? ` ${hidden} cells of its window come from another side of the map, and are not attended.`
      : '';
  return `${place} ${shifted} ${attends}${masked}`;
}

function listen(): void {
  const again = () => moveTo(Number(rowField.value), Number(columnField.value));
  for (const field of [rowField, columnField, headField, showWindows]) field.addEventListener('input', again);
  blockField.addEventListener('change', chooseBlock);
  networkField.addEventListener('change', () => inTurn(loadNetwork));
  const map = element('map', HTMLButtonElement);
  map.addEventListener('click', (event) => {
    const layer = layers[Number(blockField.value)];
    if (!layer || event.detail === 0) return; // A key of the button, which is at no place.
    const {left, top, width, height} = map.getBoundingClientRect();
    const place = (at: number, side: number, cells: number) => Math.floor((at / side) * cells);
    moveTo(
      place(event.clientY - top, height, layer.size[0]),
      place(event.clientX - left, width, layer.size[1]),
    );
  });
  map.addEventListener('keydown', (event) => {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!step) return;
    event.preventDefault();
    moveTo(Number(rowField.value) + step[0]!, Number(columnField.value) + step[1]!);
  });
}

networkField.replaceChildren(...networks.map(({name}, i) => make('option', {value: String(i)}, name)));
pictureField(element('pick', HTMLDivElement), {
  samples: [{name: 'Draw a section', draw: drawnSection}, ...drawings],
  onPicture: show,
});
listen();
inTurn(async () => {
  say('Starting …');
  worker = await startComputing();
  await loadNetwork();
  await show(await drawnSection());
});
