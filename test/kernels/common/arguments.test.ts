import {expect} from 'chai';
import {
  ABOVE_ZERO,
  BELOW_ONE,
  BETWEEN_ZERO_AND_ONE,
  COUNT,
  checkNumber,
  checkNumbers,
  FINITE,
  FROM_ZERO,
  fittingHeads,
  type NumberRule,
  oneOf,
  optionalSeed,
  positive,
  positiveInteger,
  rate,
  SHARE,
  sameOr,
  sizePair,
  wholeNumber,
} from '../../../kernels/common/arguments.js';
import {ConfigError, DataError} from '../../../kernels/common/errors.js';

/** What a check says of a bad value. */
function message(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the check accepts the value');
}

describe('rules for numbers', () => {
  const cases: [string, NumberRule, number[], unknown[]][] = [
    [
      'a whole number from 1',
      COUNT,
      [1, 7, 2 ** 40],
      [0, -1, 1.5, Number.NaN, Infinity, '1', null, undefined],
    ],
    ['a whole number from 0 to 9', wholeNumber(0, 9), [0, 9], [-1, 10, 0.5]],
    ['a finite number', FINITE, [-1, 0, 1e300], [Infinity, Number.NaN, '0']],
    ['a number from 0', FROM_ZERO, [0, 0.1], [-0.1, Infinity, Number.NaN]],
    ['a number above 0', ABOVE_ZERO, [1e-9, 3], [0, -1, Infinity, Number.NaN]],
    ['a number from 0 to 1', SHARE, [0, 0.5, 1], [-0.1, 1.1, Number.NaN]],
    ['a number in (0, 1)', BETWEEN_ZERO_AND_ONE, [1e-9, 0.999], [0, 1, Number.NaN]],
    ['a number in [0, 1)', BELOW_ONE, [0, 0.999], [1, -0.1, Number.NaN]],
  ];
  for (const [what, rule, good, bad] of cases) {
    it(what, () => {
      for (const value of good) expect(checkNumber('who', 'name', value, rule)).to.equal(value);
      for (const value of bad) {
        expect(message(() => checkNumber('who', 'name', value, rule))).to.contain(
          `who: name must be ${what}; got `,
        );
      }
    });
  }
});

describe('checks of arguments', () => {
  it('name who, the rule, what came and the fix', () => {
    const check = () => checkNumber('setup', 'threads', 0, COUNT, {fix: 'leave it out'});
    expect(message(check)).to.equal('setup: threads must be a whole number from 1; got 0 (leave it out).');
  });

  it('throw the error class that is asked for', () => {
    const check = () => checkNumber('set', 'index', 3, wholeNumber(0, 2), {error: DataError});
    expect(check).to.throw(DataError, 'set: index must be a whole number from 0 to 2; got 3.');
  });

  it('a list of numbers', () => {
    const each = {count: 2, per: 'stage', rule: COUNT};
    expect(checkNumbers('net', 'widths', [8, 16], each)).to.deep.equal([8, 16]);
    for (const bad of [[8], [8, 16, 32], [8, 0], 8, undefined]) {
      expect(message(() => checkNumbers('net', 'widths', bad, each))).to.match(
        /^net: widths must be 2 numbers, one per stage, each a whole number from 1; got /,
      );
    }
  });

  it('a size, for both axes or for each', () => {
    expect(sizePair('layer', 'windowSize', 7)).to.deep.equal([7, 7]);
    expect(sizePair('layer', 'windowSize', [4, 8])).to.deep.equal([4, 8]);
    for (const bad of [0, [7, 0], [7], [7, 7, 7], '7', undefined]) {
      expect(message(() => sizePair('layer', 'windowSize', bad))).to.match(
        /^layer: windowSize must be a whole number from 1 or two of them, \[rows, columns\]; got /,
      );
    }
  });

  it('counts, rates and positive numbers', () => {
    expect([
      positiveInteger('l', 'depth', 2),
      rate('l', 'dropout', 0),
      positive('l', 'ratio', 0.5),
    ]).to.deep.equal([2, 0, 0.5]);
    expect(message(() => positiveInteger('l', 'depth', '2'))).to.equal(
      "l: depth must be a whole number from 1; got '2'.",
    );
    expect(message(() => rate('l', 'dropout', 1))).to.equal('l: dropout must be a number in [0, 1); got 1.');
    expect(message(() => positive('l', 'ratio', 0))).to.equal('l: ratio must be a number above 0; got 0.');
  });

  it('a seed, or none', () => {
    expect([optionalSeed('l', -3), optionalSeed('l', null), optionalSeed('l', undefined)]).to.deep.equal([
      -3,
      undefined,
      undefined,
    ]);
    expect(message(() => optionalSeed('l', 0.5))).to.equal('l: seed must be a whole number; got 0.5.');
  });

  it('one of a few', () => {
    expect(oneOf('l', 'variant', 'v2', ['v1', 'v2'])).to.equal('v2');
    expect(oneOf('l', 'depth', 14, [14, 20])).to.equal(14);
    expect(message(() => oneOf('l', 'variant', 'v3', ['v1', 'v2']))).to.equal(
      "l: variant must be one of 'v1', 'v2'; got 'v3'.",
    );
    expect(message(() => oneOf('l', 'depth', '14', [14, 20]))).to.equal(
      "l: depth must be one of 14, 20; got '14'.",
    );
  });

  it('one argument under two names', () => {
    expect(sameOr('l', ['outChannels', 8], ['filters', undefined])).to.equal(8);
    expect(sameOr('l', ['outChannels', undefined], ['filters', 8])).to.equal(8);
    expect(sameOr('l', ['outChannels', 8], ['filters', 8])).to.equal(8);
    expect(message(() => sameOr('l', ['outChannels', 8], ['filters', 9]))).to.equal(
      'l: outChannels and filters are one argument; got 8 and 9 (give one of them).',
    );
  });

  it('heads that fit', () => {
    expect(fittingHeads(96, 7)).to.equal('6 or 8');
    expect(fittingHeads(4, 8)).to.equal('4');
  });
});
