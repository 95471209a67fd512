/**
 * How long a run of several trainings still takes: the steps to come times the mean time of a step so far, and the
 * evaluations to come times the last one's. A network that has not begun is taken to be as fast as the current one.
 * Where the training time is limited, it takes no longer than that and the evaluations that go with it.
 */
export class TimeLeft {
  private stepSeconds = 0;
  private stepsTimed = 0;
  private testSeconds: number | null = null;
  private networksDone = 0;
  /** Seconds of training so far, over all networks. */
  private spent = 0;

  /** @param maxSeconds Training time over all networks; null for as long as it takes. */
  constructor(
    private readonly networks: number,
    private readonly epochs: number,
    private readonly maxSeconds: number | null = null,
  ) {}

  /** A new network has a pace of its own. */
  networkDone(): void {
    this.networksDone += 1;
    this.stepSeconds = 0;
    this.stepsTimed = 0;
    this.testSeconds = null;
  }

  step(seconds: number): void {
    this.spent += seconds;
    // The first step also compiles and allocates.
    if (this.stepsTimed > 0) this.stepSeconds += seconds;
    this.stepsTimed += 1;
  }

  test(seconds: number): void {
    this.testSeconds = seconds;
  }

  /**
   * Seconds left after step `step` of epoch `epoch` (both from 1) of the current network.
   *
   * @param tested Whether the epoch's evaluation is behind.
   * @returns null before a second step.
   */
  seconds(epoch: number, step: number, steps: number, tested: boolean): number | null {
    if (this.stepsTimed < 2) return null;
    const perStep = this.stepSeconds / (this.stepsTimed - 1);
    const later = this.epochs * (this.networks - this.networksDone - 1);
    const stepsLeft = (later + this.epochs - epoch) * steps + steps - step;
    const testsLeft = later + this.epochs - epoch + (tested ? 0 : 1);
    const forTest = this.testSeconds ?? 0;
    const all = stepsLeft * perStep;
    const budget = Math.max(0, (this.maxSeconds ?? Number.POSITIVE_INFINITY) - this.spent);
    if (all <= budget) return all + testsLeft * forTest;
    // A test after each epoch that still fits, and one at the end of each network.
    const tests = Math.floor(budget / perStep / steps) + this.networks - this.networksDone;
    return budget + Math.min(tests, testsLeft) * forTest;
  }
}
