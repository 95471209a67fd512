/**
 * Curves over the epochs as SVG: one line per model and split, the test set drawn through, the training set dashed.
 *
 * Colours are CSS variables of the page (`--series-0`, `--rule`, `--muted`), so one SVG serves light and dark.
 */
import * as vega from 'vega';

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
  /** d3 format of the vertical axis, for example '.0%'. */
  format: string;
  /** Smallest range the vertical axis must cover. Default none. */
  domain?: readonly [number, number];
}

/** Drawn at the width of a phone, so that text keeps its size there; wider pages put charts side by side. */
const WIDTH = 340;
const HEIGHT = 220;

/** Draws one chart. @returns the text of an `<svg>` element. */
export async function chartSvg({label, curves, format, domain}: ChartArgs): Promise<string> {
  const values = curves.flatMap((curve) =>
    curve.values.flatMap((value, i) =>
      value == null
        ? []
        : [
            {
              epoch: i + 1,
              value,
              colour: `var(--series-${curve.series})`,
              split: curve.split,
              line: lineName(curve),
            },
          ],
    ),
  );
  const epochs = Math.max(1, ...values.map(({epoch}) => epoch));
  // A single epoch stands in the middle, without neighbours that do not exist.
  const margin = epochs === 1 ? 0.5 : 0;
  const extent = domain ?? [];
  const highest = Math.max(...values.map(({value}) => value), ...extent);
  const lowest = Math.min(...values.map(({value}) => value), ...extent);
  const axis: Partial<vega.Axis> = {
    domain: false,
    ticks: false,
    labelPadding: 6,
    labelColor: 'var(--muted)',
    labelFont: 'system-ui, sans-serif',
    labelFontSize: 11,
  };
  const spec: vega.Spec = {
    width: WIDTH,
    height: HEIGHT,
    padding: 4,
    autosize: {type: 'fit', contains: 'padding'},
    data: [{name: 'points', values}],
    scales: [
      {name: 'x', type: 'linear', domain: [1 - margin, epochs + margin], range: 'width', zero: false},
      {name: 'y', type: 'linear', domain: [lowest, highest], range: 'height', nice: 5, zero: false},
    ],
    axes: [
      {
        ...axis,
        orient: 'bottom',
        scale: 'x',
        ...(epochs === 1 ? {values: [1]} : {tickMinStep: 1, tickCount: Math.min(epochs, 8)}),
        format: 'd',
        title: 'epoch',
        titleColor: 'var(--muted)',
        titleFont: 'system-ui, sans-serif',
        titleFontSize: 11,
        titleFontWeight: 'normal',
        titlePadding: 6,
      },
      {...axis, orient: 'left', scale: 'y', grid: true, gridColor: 'var(--rule)', tickCount: 5, format},
    ],
    marks: [
      {
        type: 'group',
        from: {facet: {name: 'line', data: 'points', groupby: 'line'}},
        marks: [
          {
            type: 'line',
            from: {data: 'line'},
            encode: {
              enter: {
                x: {scale: 'x', field: 'epoch'},
                y: {scale: 'y', field: 'value'},
                stroke: {field: 'colour'},
                strokeWidth: {value: 2},
                strokeDash: {signal: "datum.split === 'train' ? [4, 3] : [1, 0]"},
                strokeJoin: {value: 'round'},
              },
            },
          },
          {
            type: 'symbol',
            from: {data: 'line'},
            encode: {
              enter: {
                x: {scale: 'x', field: 'epoch'},
                y: {scale: 'y', field: 'value'},
                // Dots while the epochs are few enough to be told apart; a single epoch has no line at all.
                size: {signal: `${epochs} <= 30 ? 18 : 0`},
                fill: {signal: "datum.split === 'train' ? 'var(--page)' : datum.colour"},
                stroke: {field: 'colour'},
                strokeWidth: {value: 1.5},
              },
            },
          },
        ],
      },
    ],
  };
  const view = new vega.View(vega.parse(spec), {renderer: 'none'});
  const svg = await view.toSVG();
  view.finalize();
  const name = label.replace(/[&<>"]/g, '');
  return svg.replace('<svg ', `<svg role="img" aria-label="${name}" `);
}

const lineName = ({series, split}: Curve) => `${series}/${split}`;
