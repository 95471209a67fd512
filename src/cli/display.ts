/**
 * What training prints: on a terminal a bar per epoch that rewrites itself and one line that stays; elsewhere (a log
 * file, CI) the same line per epoch, and a plain progress line now and then so that a long epoch is not silent.
 */
import cliProgress from 'cli-progress';
import {printable} from '../printable.js';
import type {BatchReport, EpochReport} from '../training/training_history.js';

/** Where lines go; `process.stdout` is one. */
export interface Output extends NodeJS.WritableStream {
  isTTY?: boolean;
  /** Characters in a line of a terminal. */
  columns?: number;
}

const SECONDS_BETWEEN_LINES = 15;

export class TrainingDisplay {
  private bar: cliProgress.SingleBar | null = null;
  private lastLine = performance.now();

  constructor(private readonly out: Output) {}

  /** A line that stays. */
  line(text = ''): void {
    this.endBar();
    this.out.write(`${printable(text)}\n`);
    this.lastLine = performance.now();
  }

  /** @param secondsLeft Of the whole run; null while it cannot be told. */
  batch(report: BatchReport, secondsLeft: number | null): void {
    const {epoch, epochs, step, steps, runningLoss, runningAccuracy} = report;
    const figures = `loss ${runningLoss.toFixed(3)}  accuracy ${percent(runningAccuracy)}`;
    const left = secondsLeft === null ? '' : `  ${duration(secondsLeft)} left`;
    if (this.out.isTTY) {
      if (step === 1 || this.bar === null) this.startBar(`epoch ${epoch}/${epochs}`, steps);
      this.bar?.update(Math.min(step, steps), {figures: figures + left});
    } else if (this.isTimeForALine()) {
      this.line(`  epoch ${epoch}/${epochs}  step ${step}/${steps}  ${figures}${left}`);
    }
  }

  testBatch({images, total}: {images: number; total: number}): void {
    if (this.out.isTTY) this.bar?.update({figures: `testing ${images}/${total}`});
    else if (this.isTimeForALine()) this.line(`  testing ${images}/${total}`);
  }

  epoch({epoch, ...report}: EpochReport, epochs: number, secondsLeft: number | null): void {
    const test =
      report.testLoss === null || report.testAccuracy === null
        ? 'not tested'
        : `test loss ${report.testLoss.toFixed(3)} accuracy ${percent(report.testAccuracy)}`;
    const spent = duration(report.trainSeconds + report.testSeconds);
    const left = secondsLeft === null || secondsLeft === 0 ? '' : ` · ${duration(secondsLeft)} left in all`;
    const name = `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
    const train = `train loss ${report.trainLoss.toFixed(3)} accuracy ${percent(report.trainAccuracy)}`;
    this.line(`  ${name} · ${train} · ${test} · ${spent}${left}`);
  }

  /** Takes the bar away, for an end that no epoch line announces. */
  endBar(): void {
    this.bar?.stop();
    this.bar = null;
  }

  private isTimeForALine(): boolean {
    return performance.now() - this.lastLine >= SECONDS_BETWEEN_LINES * 1000;
  }

  private startBar(name: string, steps: number): void {
    this.endBar();
    this.bar = new cliProgress.SingleBar({
      format: (options, params, payload: {figures: string}) => {
        const bar = cliProgress.Format.BarFormat(params.progress, options);
        const text = `  ${name} ${bar} ${params.value}/${params.total}  ${payload.figures}`;
        // A line that wraps cannot be rewritten.
        return text.slice(0, Math.max(20, (this.out.columns ?? 80) - 1));
      },
      stream: this.out,
      barsize: 20,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      clearOnComplete: true,
      hideCursor: true,
      // Otherwise it installs a handler for Ctrl-C of its own, beside the command's.
      gracefulExit: false,
    });
    this.bar.start(steps, 0, {figures: ''});
  }
}

/** 42s, 3m05s, 1h02m. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

const percent = (share: number) => `${(share * 100).toFixed(1)}%`;
