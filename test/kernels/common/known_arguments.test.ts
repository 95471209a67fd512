import {expect} from 'chai';
import {flag, optionalOneOf} from '../../../kernels/common/arguments.js';
import {ConfigError} from '../../../kernels/common/errors.js';
import {checkArguments} from '../../../kernels/common/known_arguments.js';

const known = {
  numHeads: true,
  windowSize: true,
  outChannels: true,
  dropout: true,
  attentionDropout: true,
  seed: true,
} as const;

/** What is said of an object with this name in it. */
function said(name: string, hints?: Record<string, string>): string {
  try {
    checkArguments('who', {seed: 1, [name]: 2}, known, hints);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  return '';
}

describe('known arguments', () => {
  it('takes known names, names without a value, and nothing', () => {
    checkArguments('who', {numHeads: 1, seed: null}, known);
    checkArguments('who', {foo: undefined}, known);
    checkArguments('who', {}, known);
  });

  const suggestions: [string, string][] = [
    ['windowsize', 'windowSize'],
    ['window_size', 'windowSize'],
    ['windwSize', 'windowSize'],
    ['outchanels', 'outChannels'],
    ['heads', 'numHeads'],
    ['attnDropout', 'attentionDropout'],
    ['dropoutRate', 'dropout'],
    ['sead', 'seed'],
  ];
  for (const [name, right] of suggestions) {
    it(`${name}: try ${right}`, () => {
      expect(said(name)).to.equal(
        `who: arguments must be among those that it takes; got ${name} (try ${right}).`,
      );
    });
  }

  it('lists the names where none is like it, and takes a hint before a guess', () => {
    const list = Object.keys(known).join(', ');
    expect(said('zzz')).to.contain(`got zzz (it takes ${list}).`);
    expect(said('windowsize', {windowsize: 'leave it out'})).to.contain('got windowsize (leave it out).');
  });

  it('names of every object are no known ones, nor have they hints', () => {
    for (const name of ['toString', 'constructor', 'hasOwnProperty']) {
      expect(said(name, {}), name).to.contain(`got ${name} (`);
    }
  });

  it('refuses what is no object of names', () => {
    for (const wrong of [undefined, null, 1, 'a', [], [1]]) {
      expect(() => checkArguments('who', wrong, known)).to.throw(
        ConfigError,
        'who: the arguments must be an object; got ',
      );
    }
  });
});

describe('switches and choices that may be absent', () => {
  it('flag', () => {
    expect([true, false, undefined, null].map((value) => flag('who', 'name', value, true))).to.deep.equal([
      ...[true, false, true, true],
    ]);
    for (const wrong of [0, 1, 'false', Number.NaN, []]) {
      expect(() => flag('who', 'name', wrong, true)).to.throw(
        ConfigError,
        'who: name must be true or false; got ',
      );
    }
  });

  it('optionalOneOf', () => {
    expect(optionalOneOf('who', 'name', 'a', ['a', 'b'])).to.equal('a');
    expect(optionalOneOf('who', 'name', undefined, ['a', 'b'])).to.equal(undefined);
    expect(optionalOneOf('who', 'name', null, ['a', 'b'])).to.equal(undefined);
    expect(() => optionalOneOf('who', 'name', 'c', ['a', 'b'])).to.throw(
      ConfigError,
      "one of 'a', 'b'; got 'c'",
    );
  });
});
