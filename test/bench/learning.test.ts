/** The study of learning: its file of results is gone on from, and holds what it must; its list is sound. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../architectures/index.js';
import {LEARNING_CONFIGURATIONS} from '../../bench/learning_configurations.js';
import {LearningResults, type LearningRow, type Study} from '../../bench/learning_results.js';

describe('the study of learning', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'learning-'));
  });
  after(() => rmSync(dir, {recursive: true}));

  const study: Study = {
    ...{machine: 'm', backend: 'wasm', threads: 2, minutes: 10},
    data: {train: 'cat dog', trainImages: 8, testImages: 4, classes: 2},
  };
  const [first, second] = LEARNING_CONFIGURATIONS;
  const row = (configuration: LearningRow['configuration'], seed: number, testAccuracy: number) => ({
    ...{configuration, seed, testAccuracy, testLoss: 1, steps: 100 + seed, secondsPerStep: 0.5},
    ...{parameters: 1000, multiplyAdds: 2_000_000, date: '2026-01-01'},
  });

  it('goes on from its file', async () => {
    const file = join(dir, 'results.json');
    const results = LearningResults.open(file, study);
    expect(results.has(first, 0)).to.equal(false);
    expect(results.secondsPerStep(first)).to.equal(undefined);
    await results.setSpeed(first, 0.5);
    await results.add(row(first, 0, 0.5));
    await results.add(row(second, 0, 0.75));
    const again = LearningResults.open(file, study);
    expect([again.secondsPerStep(first), again.secondsPerStep(second)]).to.deep.equal([0.5, undefined]);
    expect(again.has(first, 0)).to.equal(true);
    expect(again.has(first, 1)).to.equal(false);
    expect(again.has(second, 0)).to.equal(true);
    await again.add(row(first, 1, 0.53));
    expect(JSON.parse(readFileSync(file, 'utf8')).rows.length).to.equal(3);
    const [head, best, other] = again.table().split('\n');
    expect(head).to.match(/^configuration +seeds +test accuracy/);
    expect(best).to.match(
      new RegExp(
        `^${second.name} +1 +75.00 \\+- 0.00 % \\(75.00 to 75.00\\) +100 +0\\.50 +1,000 +2,000,000$`,
      ),
    );
    expect(other).to.match(new RegExp(`^${first.name} +2 +51.50 \\+- 2.12 % \\(50.00 to 53.00\\) +101`));
  });

  it('refuses a file of another study, a broken one, and other settings under one name', async () => {
    const file = join(dir, 'other.json');
    const results = LearningResults.open(file, study);
    await results.add(row(first, 0, 0.5));
    expect(() => LearningResults.open(file, {...study, minutes: 5})).to.throw(
      /must be of the same study; got .*"minutes":10.*for .*"minutes":5.*--json/,
    );
    expect(() => results.has({...first, training: {batchSize: 1}}, 1)).to.throw(
      new RegExp(`'${first.name}' must stand for the same settings`),
    );
    for (const text of ['{"rows": [', 'null', '[]', '{"rows": 3}', '{"rows": []}']) {
      const broken = join(dir, 'broken.json');
      writeFileSync(broken, text);
      expect(() => LearningResults.open(broken, study), text).to.throw(/broken\.json must be/);
      expect(readFileSync(broken, 'utf8')).to.equal(text);
    }
  });

  it('has a name for each configuration, and a twin for each pair', () => {
    const names = LEARNING_CONFIGURATIONS.map(({name}) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const {name, network, optimizer, training} of LEARNING_CONFIGURATIONS) {
      expect(name).to.match(/^[a-z0-9-]+$/);
      const swin = LEARNING_CONFIGURATIONS.find((one) => one.name === name.replace('twin', 'swin'));
      if (!name.startsWith('twin')) continue;
      expect({...network, convolution: undefined}).to.deep.equal({...swin?.network, convolution: undefined});
      expect([optimizer, training]).to.deep.equal([swin?.optimizer, swin?.training]);
    }
  });

  it('names networks that can be built', () => {
    for (const name of [
      'swin-14',
      'twin-14',
      'swin-10-plain',
      'twin-10-plain',
      'swin-10-quarter',
      'swin-10-window-2',
    ]) {
      const {network} = LEARNING_CONFIGURATIONS.find((one) => one.name === name)!;
      swinResNet({...network, numClasses: 10, seed: 0}).dispose();
    }
  });
});
