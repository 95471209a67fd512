import {expect} from 'chai';
import {checkMix, mixImages} from '../../../src/data/mix_images.js';
import {ConfigError} from '../../../src/errors.js';

const [B, C, H, W] = [6, 3, 8, 10];
const size = {channels: C, height: H, width: W, dataFormat: 'channelsFirst'} as const;

/** Value of image b at place `at`: tells both. */
const original = () =>
  Float32Array.from(
    {length: B * C * H * W},
    (_, i) => 1000 * Math.floor(i / (C * H * W)) + (i % (C * H * W)),
  );

describe('mixImages', () => {
  it('mixup: the share of each image and the rest of its partner', () => {
    const before = original();
    const values = original();
    const {partners, share} = mixImages(values, B, size, {mixup: 0.8}, 'seed/0')!;
    expect([...partners].sort()).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(share).to.be.within(0, 1);
    const volume = C * H * W;
    for (let i = 0; i < values.length; i++) {
      const other = before[partners[Math.floor(i / volume)] * volume + (i % volume)];
      expect(values[i]).to.be.closeTo(share * before[i] + (1 - share) * other, 1e-3);
    }
  });

  for (const dataFormat of ['channelsFirst', 'channelsLast'] as const) {
    it(`cutmix, ${dataFormat}: one rectangle out of the partner, its pixels are the partner's share`, () => {
      let whole = 0;
      for (let draw = 0; draw < 50; draw++) {
        const before = original();
        const values = original();
        const {partners, share} = mixImages(values, B, {...size, dataFormat}, {cutmix: 1}, `cut/${draw}`)!;
        const volume = C * H * W;
        const changed = new Set<number>();
        for (let i = 0; i < values.length; i++) {
          const [image, at] = [Math.floor(i / volume), i % volume];
          const fromPartner = values[i] === before[partners[image] * volume + at];
          if (!fromPartner && values[i] !== before[i]) expect.fail(`value ${i} is of neither image`);
          const cell = dataFormat === 'channelsFirst' ? at % (H * W) : Math.floor(at / C);
          if (partners[image] !== image && fromPartner) changed.add(cell);
        }
        const rows = new Set([...changed].map((cell) => Math.floor(cell / W)));
        const columns = new Set([...changed].map((cell) => cell % W));
        expect(rows.size * columns.size).to.equal(changed.size);
        expect(share).to.equal(1 - changed.size / (H * W));
        if (changed.size === 0) whole++;
      }
      expect(whole).to.be.below(10);
    });
  }

  it('takes one of both for a batch, each about as often, and nothing where both are off', () => {
    let cuts = 0;
    for (let draw = 0; draw < 400; draw++) {
      const values = original();
      mixImages(values, B, size, {mixup: 1, cutmix: 1}, `both/${draw}`);
      // A mixed value is a number between two whole ones.
      if (values.every(Number.isInteger)) cuts++;
    }
    expect(cuts).to.be.within(150, 250); // 200 expected, deviation 10
    const values = original();
    expect(mixImages(values, B, size, {}, 'off')).to.equal(undefined);
    expect(values).to.deep.equal(original());
  });

  it('is decided by its key', () => {
    const mixed = (key: string) => {
      const values = original();
      return {...mixImages(values, B, size, {mixup: 1}, key)!, values};
    };
    expect(mixed('a')).to.deep.equal(mixed('a'));
    expect(mixed('a')).not.to.deep.equal(mixed('b'));
  });

  it('refuses an alpha that is negative or no number', () => {
    expect(() => checkMix('x', {mixup: -0.1})).to.throw(
      ConfigError,
      /mixup must be a number from 0; got -0\.1/,
    );
    expect(() => checkMix('x', {cutmix: Number.NaN})).to.throw(ConfigError, /cutmix/);
    expect(() => checkMix('x', {cutmix: '1' as unknown as number})).to.throw(ConfigError, /cutmix/);
  });
});
