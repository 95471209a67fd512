/** The rows of a benchmark: printed as they come, kept for the JSON file. */
import {textTable} from '../kernels/common/text_table.js';
import type {Names} from './alternatives.js';
import type {Timing} from './measure.js';
import type {Peak} from './peak.js';

export interface Row {
  what: string;
  /** By alternative. */
  times: Partial<Record<Names | 'onnx', Timing>>;
  /** Floating-point operations or bytes of one run, for a rate. */
  work?: {amount: number; unit: 'GFLOP/s' | 'GB/s'};
  /** GFLOP/s of a pure loop of multiplications and additions, measured beside them. */
  peak?: Peak;
  /** Share of it, by alternative, for work in GFLOP/s. */
  share?: Partial<Record<'one' | 'all', number>>;
}

const titles = {one: '1 thread', all: 'all threads', stock: 'stock', onnx: 'onnxruntime-web'} as const;

const milliseconds = ({median, min, max}: Timing) =>
  `${median.toFixed(median < 10 ? 2 : 1)} ms (${min.toFixed(1)} to ${max.toFixed(1)})`;

export class Report {
  readonly rows: Row[] = [];

  title(text: string): void {
    console.log(`\n${text}`);
  }

  add(row: Row): void {
    const {work, times, peak} = row;
    if (work?.unit === 'GFLOP/s' && peak) {
      row.share = {};
      for (const name of ['one', 'all'] as const) {
        const time = times[name];
        if (time) row.share[name] = work.amount / time.median / 1e6 / peak[name];
      }
    }
    this.rows.push(row);
    const lines = (Object.keys(titles) as (keyof typeof titles)[]).flatMap((name) => {
      const time = times[name];
      if (!time) return [];
      const rate = work ? `, ${(work.amount / time.median / 1e6).toFixed(1)} ${work.unit}` : '';
      const share = row.share?.[name as 'one'];
      const ofPeak = share === undefined ? '' : ` = ${(100 * share).toFixed(0)} % of peak`;
      return [[`    ${titles[name]}`, `${milliseconds(time)}${rate}${ofPeak}${this.ratio(row, name)}`]];
    });
    console.log([row.what, ...textTable(lines, () => false)].join('\n'));
  }

  /** How many times faster than each thing to compare with. */
  private ratio({times}: Row, name: keyof typeof titles): string {
    if (name !== 'one' && name !== 'all') return '';
    return (['stock', 'onnx'] as const)
      .filter((other) => times[other])
      .map((other) => `, ${(times[other]!.median / times[name]!.median).toFixed(2)}x ${titles[other]}`)
      .join('');
  }
}
