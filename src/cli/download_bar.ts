/** How far a download is: on a terminal a bar that rewrites itself and goes away, elsewhere nothing. */
import cliProgress from 'cli-progress';
import type {Output} from './display.js';

export class DownloadBar {
  private bar: cliProgress.SingleBar | null = null;

  constructor(private readonly out: Output) {}

  /** For the option onProgress of what downloads. */
  readonly show = ({loaded, total}: {loaded: number; total?: number}): void => {
    if (!this.out.isTTY) return;
    this.bar ??= this.started();
    if (total !== undefined) this.bar.setTotal(total);
    this.bar.update(loaded, {
      amount: `${megabytes(loaded)}${total === undefined ? '' : ` of ${megabytes(total)}`} MB`,
    });
    if (loaded === total) this.end();
  };

  /** Takes the bar away. */
  end(): void {
    this.bar?.stop();
    this.bar = null;
  }

  private started(): cliProgress.SingleBar {
    const bar = new cliProgress.SingleBar({
      format: 'Download {bar} {amount}',
      stream: this.out,
      barsize: 30,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      clearOnComplete: true,
      hideCursor: true,
      // Otherwise it installs a handler for Ctrl-C of its own.
      gracefulExit: false,
    });
    bar.start(1, 0, {amount: ''});
    return bar;
  }
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
