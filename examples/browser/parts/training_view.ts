/** What the train page shows of a training: how far it is, the time that is left, curves, and a table of the epochs. */
import {type Curve, chart} from './curves.js';
import {duration, element, make, percent} from './page.js';
import {LAYER_NAMES, type LayerKind, type Plan} from './training.js';

/** What is kept of the training of one layer, to show it again after a reload. */
export interface LayerProgress {
  /** [epochs done, mean loss of the epoch so far], several in an epoch. */
  loss: [number, number][];
  /** [epochs done, share of the test images that is right]. */
  accuracy: [number, number][];
  ended: boolean;
}

/** What is kept of a start. */
export interface Progress {
  plan: Plan;
  /** running: to go on after a reload. */
  state: 'running' | 'stopped' | 'ended';
  layers: Partial<Record<LayerKind, LayerProgress>>;
}

const COLOURS: Readonly<Record<LayerKind, string>> = {swin: '--series-0', convolution: '--series-1'};

/** Draws everything anew. */
export function showProgress({plan, layers}: Progress): void {
  const kinds = plan.layers.filter((kind) => layers[kind]);
  const curves = (points: 'loss' | 'accuracy'): Curve[] =>
    kinds.map((kind) => ({colour: COLOURS[kind], name: LAYER_NAMES[kind], points: layers[kind]![points]}));
  const draw = (place: string, caption: string, points: 'loss' | 'accuracy', scale: object) =>
    element(place, HTMLElement).replaceChildren(
      chart({label: caption, curves: curves(points), epochs: plan.epochs, format: '.1f', ...scale}),
      make('figcaption', {}, caption),
    );
  draw('loss', 'Training loss over epochs', 'loss', {});
  draw('accuracy', 'Test accuracy over epochs', 'accuracy', {highest: 1, format: '.0%'});
  element('lines', HTMLUListElement).replaceChildren(
    ...kinds.map((kind) => {
      const swatch = make('span', {className: 'swatch'});
      swatch.style.background = `var(${COLOURS[kind]})`;
      return make('li', {}, swatch, LAYER_NAMES[kind]);
    }),
  );
  const rows = kinds.flatMap((kind) => layers[kind]!.accuracy.map((at) => epochRow(kind, at, layers[kind]!)));
  element('epochs', HTMLTableSectionElement).replaceChildren(...rows);
  element('running', HTMLDivElement).hidden = false;
}

function epochRow(kind: LayerKind, [epoch, accuracy]: [number, number], {loss}: LayerProgress): HTMLElement {
  const last = loss.findLast(([at]) => at <= epoch)?.[1];
  const number = (text: string) => make('td', {className: 'number'}, text);
  return make(
    'tr',
    {},
    make('td', {}, LAYER_NAMES[kind]),
    ...[number(String(epoch)), number(last?.toFixed(3) ?? ''), number(percent(accuracy))],
  );
}

/** Tells how long the rest will take, by the speed since the page began to train. */
export class TimeLeft {
  private readonly start = performance.now();
  private first: number | undefined;

  /** @param done Share of all that is done, 0 to 1. */
  show(done: number, where: string): void {
    this.first ??= done;
    element('progress', HTMLProgressElement).value = done;
    const seconds = (performance.now() - this.start) / 1000;
    const speed = (done - this.first) / seconds;
    const left = speed > 0 && done < 1 ? `, ${duration((1 - done) / speed)} left` : '';
    element('time-left', HTMLParagraphElement).textContent = where + left;
  }
}
