import {expect} from 'chai';
import {alternatingFlip, augment, flipHorizontal, shiftImage} from '../../../src/data/augment.js';
import {randomStream} from '../../../src/data/shuffle.js';

describe('augment', () => {
  // Two rows of three pixels of two channels.
  const image = Uint8Array.from([11, 12, 21, 22, 31, 32, 41, 42, 51, 52, 61, 62]);

  it('flips left and right, keeping the channels of a pixel together', () => {
    const flipped = flipHorizontal(image, 2, 3, 2);
    expect([...flipped]).to.deep.equal([31, 32, 21, 22, 11, 12, 61, 62, 51, 52, 41, 42]);
    expect(flipHorizontal(flipped, 2, 3, 2)).to.deep.equal(image);
    const floats = flipHorizontal(Float32Array.from([0.5, -1, 2]), 1, 3, 1);
    expect(floats).to.deep.equal(Float32Array.from([2, -1, 0.5]));
  });

  it('crops out of zero padding', () => {
    // One row down, one column to the left.
    const crop = shiftImage(image, 2, 3, 2, 1, -1);
    expect([...crop]).to.deep.equal([0, 0, 41, 42, 51, 52, 0, 0, 0, 0, 0, 0]);
    expect(shiftImage(image, 2, 3, 2, 0, 0)).to.deep.equal(image);
  });

  it('crops out of reflected padding, which does not repeat the outermost pixel', () => {
    const row = Uint8Array.from([1, 2, 3, 4]);
    expect([...shiftImage(row, 1, 4, 1, 0, -2, 'reflect')]).to.deep.equal([3, 2, 1, 2]);
    expect([...shiftImage(row, 1, 4, 1, 0, 3, 'reflect')]).to.deep.equal([4, 3, 2, 1]);
    expect([...shiftImage(row, 4, 1, 1, -1, 0, 'reflect')]).to.deep.equal([2, 1, 2, 3]);
  });

  it('takes every displacement and both orientations about equally often', () => {
    const random = randomStream('augment test');
    const probe = new Uint8Array(49);
    probe[3 * 7 + 3] = 1; // the centre: shows the displacement, not the flip
    probe[3 * 7 + 2] = 2; // its left neighbour: shows the flip
    const places = new Map<number, number>();
    let flips = 0;
    const draws = 5000;
    for (let k = 0; k < draws; k++) {
      const result = augment(probe, 7, 7, 1, {flip: true, cropPadding: 2}, random);
      const at = result.indexOf(1);
      places.set(at, (places.get(at) ?? 0) + 1);
      if (result[at + 1] === 2) flips++;
    }
    expect(places.size).to.equal(25);
    for (const count of places.values()) expect(count).to.be.within(130, 280); // 200 expected, deviation 14
    expect(flips / draws).to.be.within(0.46, 0.54);
  });

  it('alternates: mirrors one half of the images in even epochs and the other half in odd ones', () => {
    const count = 2000;
    const mirrored = (seed: number, epoch: number) =>
      Array.from({length: count}, (_, index) => alternatingFlip(seed, epoch, index));
    const even = mirrored(1, 0);
    expect(even.filter(Boolean).length).to.be.within(910, 1090); // 1000 expected, deviation 22
    expect(mirrored(1, 1)).to.deep.equal(even.map((flip) => !flip));
    expect(mirrored(1, 2)).to.deep.equal(even);
    expect(mirrored(2, 0)).not.to.deep.equal(even);
    for (const alternate of [true, false]) {
      const result = augment(image, 2, 3, 2, {flip: 'alternating'}, randomStream('any'), alternate);
      expect(result).to.deep.equal(alternate ? flipHorizontal(image, 2, 3, 2) : image);
    }
  });

  it('returns the image itself when nothing is asked for, and draws the same numbers all the same', () => {
    const some = randomStream('same');
    const others = randomStream('same');
    expect(augment(image, 2, 3, 2, {}, some)).to.equal(image);
    augment(image, 2, 3, 2, {flip: true, cropPadding: 1}, others);
    expect(some()).to.equal(others());
  });
});
