import {expect} from 'chai';
import {orientedCrop, randomCrop} from '../../../src/data/oriented_crop.js';
import {randomStream} from '../../../src/data/shuffle.js';

describe('orientedCrop', () => {
  // 3 rows of 4 pixels, of two channels: 10 times the number of the pixel, and that plus 1.
  const image = Uint8Array.from({length: 24}, (_, at) => 10 * (at >> 1) + (at & 1));
  const pixels = (view: Parameters<typeof orientedCrop>[3]) => {
    const values = [...orientedCrop(image, 4, 2, view)];
    expect(values.filter((_, at) => at % 2 === 1)).to.deep.equal(
      values.filter((_, at) => at % 2 === 0).map((value) => value + 1),
    );
    return values.filter((_, at) => at % 2 === 0).map((value) => value / 10);
  };
  // Rows 1 and 2, columns 1 to 3:  5 6 7
  //                                9 10 11
  const part = {top: 1, left: 1, height: 2, width: 3};

  it('cuts a rectangle out', () => {
    expect(pixels(part)).to.deep.equal([5, 6, 7, 9, 10, 11]);
  });

  it('turns it counterclockwise', () => {
    expect(pixels({...part, turns: 1})).to.deep.equal([7, 11, 6, 10, 5, 9]);
    expect(pixels({...part, turns: 2})).to.deep.equal([11, 10, 9, 7, 6, 5]);
    expect(pixels({...part, turns: 3})).to.deep.equal([9, 5, 10, 6, 11, 7]);
  });

  it('mirrors it after the turn', () => {
    expect(pixels({...part, mirrored: true})).to.deep.equal([7, 6, 5, 11, 10, 9]);
    expect(pixels({...part, turns: 1, mirrored: true})).to.deep.equal([11, 7, 10, 6, 9, 5]);
    expect(pixels({...part, turns: 2, mirrored: true})).to.deep.equal([9, 10, 11, 5, 6, 7]);
    expect(pixels({...part, turns: 3, mirrored: true})).to.deep.equal([5, 9, 6, 10, 7, 11]);
  });
});

describe('randomCrop', () => {
  it('takes every place and each of the eight orientations about equally often', () => {
    const random = randomStream('views');
    const places = new Map<string, number>();
    const orientations = new Map<string, number>();
    const draws = 4000;
    for (let k = 0; k < draws; k++) {
      const view = randomCrop(5, 6, {cropSize: 4, flip: true, rotate: true}, random);
      expect([view.height, view.width]).to.deep.equal([4, 4]);
      const [place, orientation] = [`${view.top} ${view.left}`, `${view.turns} ${view.mirrored}`];
      places.set(place, (places.get(place) ?? 0) + 1);
      orientations.set(orientation, (orientations.get(orientation) ?? 0) + 1);
    }
    expect(places.size).to.equal(6);
    for (const count of places.values()) expect(count).to.be.within(550, 790); // 667 expected, deviation 24
    expect(orientations.size).to.equal(8);
    for (const count of orientations.values()) expect(count).to.be.within(400, 600); // 500, deviation 21
  });

  it('is the whole image as it is where nothing is asked for, and draws the same numbers all the same', () => {
    const [some, others] = [randomStream('same'), randomStream('same')];
    expect(randomCrop(5, 6, {}, some)).to.deep.equal({
      ...{top: 0, left: 0, height: 5, width: 6},
      ...{turns: 0, mirrored: false},
    });
    randomCrop(5, 6, {cropSize: 2, flip: true, rotate: true}, others);
    expect(some()).to.equal(others());
  });
});
