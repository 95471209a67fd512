/**
 * The file of a study of learning: the speed of each configuration, and one row for each configuration and seed, written anew
 * whenever there is something new.
 */
import {existsSync, readFileSync} from 'node:fs';
import {textTable} from '../kernels/common/text_table.js';
import {replaceFile} from '../src/node/replace_file.js';
import type {LearningConfiguration} from './learning_configurations.js';

/** What all rows of a file have in common. */
export interface Study {
  machine: string;
  backend: string;
  threads: number;
  minutes: number;
  data: {train: string; trainImages: number; testImages: number; classes: number};
}

/** One training. */
export interface LearningRow {
  configuration: LearningConfiguration;
  seed: number;
  testAccuracy: number;
  testLoss: number;
  steps: number;
  /** What the number of steps was reckoned from. */
  secondsPerStep: number;
  parameters: number;
  multiplyAdds: number;
  /** When it ended. */
  date: string;
}

/** How long a step of a configuration takes. */
interface Speed {
  configuration: LearningConfiguration;
  secondsPerStep: number;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The rows so far, and which of them are done. */
export class LearningResults {
  private constructor(
    private readonly file: string,
    private readonly study: Study,
    private readonly speeds: Speed[],
    readonly rows: LearningRow[],
  ) {}

  /** Goes on from the file, where there is one. @throws Error where it is none of this study. */
  static open(file: string, study: Study): LearningResults {
    if (!existsSync(file)) return new LearningResults(file, study, [], []);
    let found: {study?: unknown; speeds?: unknown; rows?: unknown};
    try {
      found = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new Error(`learning: ${file} must be a file of results; got ${error} (name another by --json).`);
    }
    if (!Array.isArray(found?.rows) || !Array.isArray(found.speeds) || !same(found.study, study)) {
      throw new Error(
        `learning: ${file} must be of the same study; got ${JSON.stringify(found?.study)} for ` +
          `${JSON.stringify(study)} (name another by --json).`,
      );
    }
    return new LearningResults(file, study, found.speeds, found.rows);
  }

  /** Whether the file has this run. @throws Error where the name stands there for other settings. */
  has(configuration: LearningConfiguration, seed: number): boolean {
    return this.of(this.rows, configuration).some((row) => row.seed === seed);
  }

  /** Undefined where it is not known yet. @throws Error where the name stands there for other settings. */
  secondsPerStep(configuration: LearningConfiguration): number | undefined {
    return this.of(this.speeds, configuration)[0]?.secondsPerStep;
  }

  async setSpeed(configuration: LearningConfiguration, secondsPerStep: number): Promise<void> {
    if (this.secondsPerStep(configuration) === secondsPerStep) return;
    this.speeds.push({configuration, secondsPerStep});
    await this.write();
  }

  async add(row: LearningRow): Promise<void> {
    this.rows.push(row);
    await this.write();
  }

  /** What there is of this configuration. */
  private of<Entry extends {configuration: LearningConfiguration}>(
    entries: Entry[],
    configuration: LearningConfiguration,
  ): Entry[] {
    const named = entries.filter((entry) => entry.configuration.name === configuration.name);
    const other = named.find((entry) => !same(entry.configuration, configuration));
    if (other) {
      throw new Error(
        `learning: '${configuration.name}' must stand for the same settings in all of ${this.file}; got ` +
          `${JSON.stringify(configuration)} and ${JSON.stringify(other.configuration)} (give it another name, or ` +
          'name another file by --json).',
      );
    }
    return named;
  }

  private async write(): Promise<void> {
    const {study, speeds, rows} = this;
    const text = `${JSON.stringify({study, speeds, rows}, null, 2)}\n`;
    await replaceFile('learning', this.file, new TextEncoder().encode(text));
  }

  /** A line for each configuration, the best one first. */
  table(): string {
    const names = [...new Set(this.rows.map((row) => row.configuration.name))];
    const groups = names.map((name) => summary(this.rows.filter((row) => row.configuration.name === name)));
    const head = [
      'configuration',
      'seeds',
      'test accuracy',
      'steps',
      's a step',
      'parameters',
      'multiply-adds',
    ];
    const lines = groups.sort((a, b) => b.mean - a.mean).map(({cells}) => cells);
    return textTable([head, ...lines], (column) => column > 0).join('\n');
  }
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation of a sample; 0 of one value. */
const deviation = (values: number[]) => {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1));
};

/** @returns mean accuracy, and the cells of the table: mean, standard deviation and range over the seeds. */
function summary(rows: LearningRow[]): {mean: number; cells: string[]} {
  const accuracies = rows.map((row) => 100 * row.testAccuracy);
  const [lowest, highest] = [Math.min(...accuracies), Math.max(...accuracies)].map((one) => one.toFixed(2));
  const whole = (key: 'steps' | 'parameters' | 'multiplyAdds') =>
    Math.round(mean(rows.map((row) => row[key]))).toLocaleString('en-US');
  const average = mean(accuracies);
  return {
    mean: average,
    cells: [
      rows[0].configuration.name,
      String(rows.length),
      `${average.toFixed(2)} +- ${deviation(accuracies).toFixed(2)} % (${lowest} to ${highest})`,
      whole('steps'),
      mean(rows.map((row) => row.secondsPerStep)).toFixed(2),
      whole('parameters'),
      whole('multiplyAdds'),
    ],
  };
}
