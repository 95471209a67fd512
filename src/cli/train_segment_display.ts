/** What the training of a segmentation network prints: the steps of an epoch, then a line for it. */
import type {SegmentationBatchReport, SegmentationEpochReport} from '../training/segmentation_history.js';
import {duration, type TrainingDisplay} from './display.js';
import {TimeLeft} from './time_left.js';

export class SegmentDisplay {
  private readonly timeLeft: TimeLeft;
  private steps = 1;
  /** Of the epoch, in this process: how many steps there were, and sums over them for their running means. */
  private count = 0;
  private loss = 0;
  private accuracy = 0;

  /** @param maxSeconds Training time; null for as long as it takes. */
  constructor(
    private readonly display: TrainingDisplay,
    private readonly epochs: number,
    maxSeconds: number | null,
  ) {
    this.timeLeft = new TimeLeft(1, epochs, maxSeconds);
  }

  batch(report: SegmentationBatchReport): void {
    const {epoch, step, steps, loss, pixelAccuracy, stepMs} = report;
    if (step === 1) [this.count, this.loss, this.accuracy] = [0, 0, 0];
    this.count += 1;
    this.steps = steps;
    this.loss += loss;
    this.accuracy += pixelAccuracy;
    this.timeLeft.step(stepMs / 1000);
    this.display.batch(
      {
        ...report,
        accuracy: pixelAccuracy,
        runningLoss: this.loss / this.count,
        runningAccuracy: this.accuracy / this.count,
      },
      this.timeLeft.seconds(epoch, step, steps, false),
    );
  }

  epoch(report: SegmentationEpochReport, isAborted: boolean): void {
    const {epoch, trainLoss, trainMeanIou, testMeanIou, testPixelAccuracy, trainSeconds, testSeconds} =
      report;
    this.timeLeft.test(testSeconds);
    const secondsLeft = isAborted ? null : this.timeLeft.seconds(epoch, this.steps, this.steps, true);
    const name = `epoch ${String(epoch).padStart(String(this.epochs).length)}/${this.epochs}`;
    const train = `train loss ${trainLoss.toFixed(3)} mean IoU ${trainMeanIou.toFixed(3)}`;
    const test =
      testMeanIou === null || testPixelAccuracy === null
        ? 'not tested'
        : `test mean IoU ${testMeanIou.toFixed(3)} pixel accuracy ${(100 * testPixelAccuracy).toFixed(1)}%`;
    const left = secondsLeft ? ` · ${duration(secondsLeft)} left in all` : '';
    this.display.line(`  ${name} · ${train} · ${test} · ${duration(trainSeconds + testSeconds)}${left}`);
  }
}
