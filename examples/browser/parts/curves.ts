/** Curves of a training as SVG, drawn anew with every number that comes: one line for each layer. */
import {scaleLinear} from 'd3-scale';

export interface Curve {
  /** Name of its colour in style.css: --series-0 or --series-1. */
  colour: string;
  name: string;
  /** [epochs done, value]. */
  points: readonly (readonly [number, number])[];
}

export interface ChartArgs {
  /** What it shows, for a screen reader. */
  label: string;
  curves: readonly Curve[];
  epochs: number;
  /** Largest value of the axis; default that of the curves. */
  highest?: number;
  /** How d3-scale writes a value. */
  format: string;
}

const [WIDTH, HEIGHT] = [420, 180];
const MARGIN = {left: 44, right: 8, top: 8, bottom: 24};
const SVG = 'http://www.w3.org/2000/svg';

function svg(tag: string, attributes: Record<string, string | number>, ...children: (Node | string)[]) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** A chart of values from 0 on over epochs. */
export function chart({label, curves, epochs, highest, format}: ChartArgs): SVGElement {
  const most = highest ?? Math.max(0.1, ...curves.flatMap(({points}) => points.map(([, value]) => value)));
  const x = scaleLinear([0, epochs], [MARGIN.left, WIDTH - MARGIN.right]);
  const y = scaleLinear([0, most], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(4);
  const rule = (value: number) =>
    svg('line', {
      ...{x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(value), y2: y(value)},
      stroke: 'var(--rule)',
    });
  const [write, whole] = [y.tickFormat(4, format), x.tickFormat(6, 'd')];
  const lines = curves.map(({colour, points}) => {
    const corners = points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`);
    return svg('polyline', {
      points: corners.join(' '),
      fill: 'none',
      stroke: `var(${colour})`,
      'stroke-width': 2,
    });
  });
  const dots = curves.flatMap(({colour, points}) =>
    points.length > 60
      ? []
      : points.map(([epoch, value]) =>
          svg('circle', {cx: x(epoch), cy: y(value), r: 3, fill: `var(${colour})`}),
        ),
  );
  return svg(
    'svg',
    {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label},
    ...y.ticks(4).map(rule),
    ...y
      .ticks(4)
      .map((value) => svg('text', {x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end'}, write(value))),
    ...x
      .ticks(Math.min(6, epochs))
      .filter(Number.isInteger)
      .map((epoch) => svg('text', {x: x(epoch), y: HEIGHT - 6, 'text-anchor': 'middle'}, whole(epoch))),
    ...lines,
    ...dots,
  ) as SVGElement;
}
