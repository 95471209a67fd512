/**
 * Curves over the epochs as SVG: one line per model and split, the test set drawn through, the training set dashed.
 *
 * Scales, ticks and number formats are those of d3-scale. Colours are CSS variables of the page (`--series-0`, `--rule`,
 * `--muted`), so one SVG serves light and dark.
 */
import type {ScaleLinear} from 'd3-scale';
import {html, type Markup} from './html.js';

/** One line of a chart. */
export interface Curve {
  /** Place of the model in the report; chooses the colour. */
  series: number;
  split: 'train' | 'test';
  /** Value by epoch, the first epoch being 1; null where there is none. */
  values: readonly (number | null)[];
}

export interface ChartArgs {
  /** What the chart shows, for screen readers. */
  label: string;
  curves: readonly Curve[];
  /** Type of d3's number format on the vertical axis, for example '%'; default plain numbers. */
  format?: string;
  /** Smallest range the vertical axis must cover. Default none. */
  domain?: readonly [number, number];
}

/** Drawn at the width of a phone, so that text keeps its size there; wider pages put charts side by side. */
const WIDTH = 340;
const HEIGHT = 220;
const TOP = 10;
/** Half of the last epoch's number. */
const RIGHT = 12;
/** The numbers of the epochs and the axis title. */
const BOTTOM = 38;
const FONT_SIZE = 11;
/** Width of a character of a label, about. */
const CHARACTER = 0.6 * FONT_SIZE;
/** Between a label and the plot. */
const GAP = 6;
const VALUE_TICKS = 5;
const EPOCH_TICKS = 8;
/** Dots while the epochs are few enough to be told apart. */
const MOST_DOTS = 30;

/** Draws one chart. @returns an `<svg>` element. */
export async function chartSvg({label, curves, format, domain}: ChartArgs): Promise<Markup> {
  // Only a report needs it; what else imports this folder does not load it.
  const {scaleLinear} = await import('d3-scale');
  const epochs = Math.max(1, ...curves.map(({values}) => values.findLastIndex(isKnown) + 1));
  const y = scaleLinear(valueRange(curves, domain), [HEIGHT - BOTTOM, TOP]).nice(VALUE_TICKS);
  const values = axisLabels(y, VALUE_TICKS, format);
  const left = Math.max(...values.map(({text}) => text.length)) * CHARACTER + 2 * GAP;
  // A single epoch stands in the middle, without neighbours that do not exist.
  const margin = epochs === 1 ? 0.5 : 0;
  const x = scaleLinear([1 - margin, epochs + margin], [left, WIDTH - RIGHT]);
  return html`<svg role="img" aria-label="${label}" xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
<g font-family="system-ui, sans-serif" font-size="${FONT_SIZE}" fill="var(--muted)">
${valueAxis(values, left)}
${epochAxis(x, epochs)}
</g>
<g fill="none">
${curves.map((curve) => curveMarks(curve, x, y, epochs <= MOST_DOTS))}
</g>
</svg>`;
}

type Scale = ScaleLinear<number, number>;

const isKnown = (value: number | null): value is number => value !== null && Number.isFinite(value);

function valueRange(curves: readonly Curve[], domain: readonly number[] = []): [number, number] {
  const shown = [...curves.flatMap(({values}) => values.filter(isKnown)), ...domain];
  const [lowest, highest] = [Math.min(...shown), Math.max(...shown)];
  // A single value stands above zero; without any there is still an axis.
  return lowest < highest ? [lowest, highest] : [0, highest > 0 ? highest : 1];
}

interface AxisLabel {
  text: string;
  /** Place along the axis. */
  at: number;
}

function axisLabels(scale: Scale, count: number, format?: string): AxisLabel[] {
  const textOf = scale.tickFormat(count, format);
  return scale.ticks(count).map((value) => ({text: textOf(value), at: rounded(scale(value))}));
}

/** A line of the grid per label, which stands to its left. */
function valueAxis(labels: readonly AxisLabel[], left: number): Markup[] {
  return labels.map(({text, at}) => {
    // Between two rows of pixels a line of one pixel would be drawn on both.
    const line = Math.round(at) + 0.5;
    return html`<path d="M${rounded(left)},${line}H${WIDTH - RIGHT}" stroke="var(--rule)"/>
<text x="${rounded(left - GAP)}" y="${at}" dy="0.35em" text-anchor="end">${text}</text>
`;
  });
}

function epochAxis(x: Scale, epochs: number): Markup {
  const ticks = x.ticks(Math.min(epochs, EPOCH_TICKS)).filter(Number.isInteger);
  const labels = ticks.map(
    (
      epoch,
    ) => html`<text x="${rounded(x(epoch))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${epoch}</text>
`,
  );
  const middle = rounded((x.range()[0] + x.range()[1]) / 2);
  return html`${labels}<text x="${middle}" y="${HEIGHT - 5}" text-anchor="middle">epoch</text>`;
}

/** The line of a curve and a dot per epoch; nothing where no epoch has a value. */
function curveMarks({series, split, values}: Curve, x: Scale, y: Scale, dots: boolean): Markup | null {
  const points = values.flatMap((value, i) =>
    isKnown(value) ? [{x: rounded(x(i + 1)), y: rounded(y(value))}] : [],
  );
  if (points.length === 0) return null;
  const colour = `var(--series-${series})`;
  const dash = split === 'train' ? html` stroke-dasharray="4,3"` : null;
  const fill = split === 'train' ? 'var(--page)' : colour;
  const line = `M${points.map((point) => `${point.x},${point.y}`).join('L')}`;
  const marks = points.map(
    (point) =>
      html`<circle cx="${point.x}" cy="${point.y}" r="2.1" fill="${fill}" stroke="${colour}" stroke-width="1.5"/>`,
  );
  return html`<path d="${line}" stroke="${colour}" stroke-width="2" stroke-linejoin="round"${dash}/>${dots ? marks : null}
`;
}

/** Hundredths of a pixel are enough. */
const rounded = (length: number) => Math.round(100 * length) / 100;
