/** What an epoch of a classifier's training adds up, and tells after each step. */
import type {Saved} from './checkpoint_file.js';
import type {EpochRecord, EpochTotals} from './epochs.js';
import type {Evaluation} from './evaluate.js';
import type {DoneStep} from './steps.js';
import type {BatchReport, EpochReport} from './training_history.js';
import type {TrainingPlan} from './training_plan.js';

export type Figures = Omit<EpochReport, keyof EpochRecord>;

/** The loss and the correctly classified images of an epoch so far. */
export class ClassificationTotals implements EpochTotals<Evaluation, Figures> {
  private lossSum = 0;
  private correct = 0;
  private images = 0;

  constructor(
    private readonly plan: Pick<TrainingPlan, 'epochs' | 'steps'>,
    private readonly epoch: number,
    private readonly onBatch?: (report: BatchReport) => void,
  ) {}

  add({step, images, loss, counts: [correct], learningRate, stepMs}: DoneStep): void {
    const {plan} = this;
    this.lossSum += loss * images;
    this.correct += correct;
    this.images += images;
    this.onBatch?.({
      epoch: this.epoch,
      epochs: plan.epochs,
      step,
      steps: plan.steps,
      loss,
      accuracy: correct / images,
      runningLoss: this.lossSum / this.images,
      runningAccuracy: this.correct / this.images,
      learningRate,
      stepMs,
    });
  }

  getState(): Saved {
    const {lossSum, correct, images} = this;
    return {lossSum, correct, images};
  }

  setState(state: Saved): void {
    Object.assign(this, state);
  }

  figures(tested: Evaluation | null): Figures {
    return {
      trainLoss: this.lossSum / this.images,
      trainAccuracy: this.correct / this.images,
      testLoss: tested?.loss ?? null,
      testAccuracy: tested?.accuracy ?? null,
    };
  }
}
