/** CIFAR's binary records written from known pixels, for tests. */

/** Value of channel c at row y, column x of image i. */
export function cifarPixel(i: number, y: number, x: number, c: number): number {
  return (i * 50 + y * 5 + x * 3 + c * 101) % 256;
}

/** One record per element of `labels`: its label bytes, then the red, green and blue planes. */
export function cifarBytes(labels: number[][]): Uint8Array {
  const bytes: number[] = [];
  labels.forEach((label, i) => {
    bytes.push(...label);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) bytes.push(cifarPixel(i, y, x, c));
      }
    }
  });
  return Uint8Array.from(bytes);
}
