/** The page that gives every pixel of a picture a class: membranes and cells, by the shipped network. */
import type {WorkerModel} from 'tfjs-swint/worker';
import {startComputing} from './parts/computing.js';
import {contextOf, drawPicture} from './parts/draw_picture.js';
import {drawnSection} from './parts/drawn_cells.js';
import {MEMBRANES} from './parts/networks.js';
import {duration, element, inTurn, make, percent, say} from './parts/page.js';
import {pictureField} from './parts/picture_field.js';

/** The classes of the network, and the colours that are laid over the picture; of cells none. */
const CLASSES = [
  {name: 'membrane', colour: [230, 159, 0]},
  {name: 'cell', colour: null},
] as const;

type Predicted = Awaited<ReturnType<WorkerModel['predictSegmentation']>>;

const image = element('image', HTMLCanvasElement);
const overlay = element('overlay', HTMLCanvasElement);
const opacity = element('opacity', HTMLInputElement);
const save = element('save', HTMLButtonElement);
let model: WorkerModel | undefined;

async function show(picture: ImageBitmap): Promise<void> {
  if (!model) return;
  drawPicture(image, picture);
  picture.close();
  overlay.width = image.width;
  overlay.height = image.height;
  save.disabled = true;
  element('picture', HTMLDivElement).hidden = false;
  say('Computing …');
  const start = performance.now();
  const predicted = await model.predictSegmentation(image);
  const seconds = (performance.now() - start) / 1000;
  drawClasses(predicted);
  save.disabled = false;
  const size = `${predicted.width}x${predicted.height}`;
  element('timing', HTMLParagraphElement).textContent = `${size} pixels in ${duration(seconds)}.`;
  say('Done.');
}

function drawClasses({mask, width, height}: Predicted): void {
  const painting = new ImageData(width, height);
  const counts = CLASSES.map(() => 0);
  for (const [i, index] of mask.entries()) {
    counts[index]!++;
    const {colour} = CLASSES[index]!;
    if (colour) painting.data.set([...colour, 255], 4 * i);
  }
  contextOf(overlay).putImageData(painting, 0, 0);
  const items = CLASSES.map(({name, colour}, index) => {
    const swatch = make('span', {className: 'swatch'});
    if (colour) swatch.style.background = `rgb(${colour.join()})`;
    return make('li', {}, swatch, `${name} ${percent(counts[index]! / mask.length)}`);
  });
  element('legend', HTMLUListElement).replaceChildren(...items);
}

/** Saves the classes as a picture: the colours of the page, transparent where the background is. */
function download(): void {
  overlay.toBlob((blob) => {
    if (!blob) return;
    const link = make('a', {href: URL.createObjectURL(blob), download: 'classes.png'});
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

const showOpacity = () => {
  overlay.style.opacity = `${opacity.value}%`;
};
opacity.addEventListener('input', showOpacity);
showOpacity();
save.addEventListener('click', download);
pictureField(element('pick', HTMLDivElement), {
  samples: [{name: 'Draw a section', draw: drawnSection}],
  onPicture: show,
});

inTurn(async () => {
  say('Starting …');
  const worker = await startComputing();
  element('about', HTMLParagraphElement).textContent = MEMBRANES.about;
  say('Loading the network …');
  model = await MEMBRANES.load(worker, (progress) => say(`Loading the network: ${progress} …`));
  say('Ready: give it a picture.');
});
