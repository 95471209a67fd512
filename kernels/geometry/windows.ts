/**
 * Where the windows of shifted-window attention lie on a feature map: integers only.
 *
 *   effective window   w' = min(w, S) per axis for padding 'masked'; w for 'attended' (torchvision never clamps)
 *   padded size        S' = ceil(S / w') * w'
 *   effective shift    0 where one window covers the padded axis, else the shift asked for
 *   cell (i) of the shifted map is cell (i + shift) mod S' of the padded map
 *
 * Clamping changes no result of 'masked': a window that reaches past the map sees the same cells as a smaller one.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2.
 */

/** [rows, columns]. */
export type Pair = readonly [number, number];

/** What happens to the cells added so that windows fit: never attended, or attended as torchvision does. */
export type WindowPadding = 'masked' | 'attended';

export interface WindowGeometry {
  /** Size of the feature map. */
  readonly size: Pair;
  /** Window asked for: the bias table is laid out for it. */
  readonly windowSize: Pair;
  /** Window in use on this map. */
  readonly window: Pair;
  /** Shift in use on this map. */
  readonly shift: Pair;
  /** Size of the map with the cells added at its bottom and right. */
  readonly padded: Pair;
  /** Windows per axis. */
  readonly count: Pair;
  /** Windows on the map, nW. */
  readonly windows: number;
  /** Tokens in a window, N. */
  readonly tokens: number;
  readonly padding: WindowPadding;
}

/** Lays windows of `windowSize`, shifted by `shift`, over a map of `size` cells. */
export function windowGeometry(
  size: Pair,
  windowSize: Pair,
  shift: Pair,
  padding: WindowPadding,
): WindowGeometry {
  const axis = (k: 0 | 1) => {
    const window = padding === 'masked' ? Math.min(windowSize[k], size[k]) : windowSize[k];
    const count = Math.ceil(size[k] / window);
    return {window, count, padded: count * window, shift: count === 1 ? 0 : shift[k] % window};
  };
  const rows = axis(0);
  const columns = axis(1);
  return {
    size,
    windowSize,
    window: [rows.window, columns.window],
    shift: [rows.shift, columns.shift],
    padded: [rows.padded, columns.padded],
    count: [rows.count, columns.count],
    windows: rows.count * columns.count,
    tokens: rows.window * columns.window,
    padding,
  };
}

/**
 * The cell of the padded map that token `token` of window `window` stands for, as row * paddedWidth + column.
 * Windows are numbered row by row, and so are the tokens within one.
 */
export function cellOfToken(geometry: WindowGeometry, window: number, token: number): number {
  const {window: size, shift, padded, count} = geometry;
  const row = Math.floor(window / count[1]) * size[0] + Math.floor(token / size[1]);
  const column = (window % count[1]) * size[1] + (token % size[1]);
  return ((row + shift[0]) % padded[0]) * padded[1] + ((column + shift[1]) % padded[1]);
}

/** Whether a cell of the padded map (row * paddedWidth + column) was added by padding. */
export function isPaddingCell(geometry: WindowGeometry, cell: number): boolean {
  const {size, padded} = geometry;
  return Math.floor(cell / padded[1]) >= size[0] || cell % padded[1] >= size[1];
}

/** How a key is seen by a query of the same window: attended. */
export const SEEN = 0;
/** A key from another side of the map, brought in by the cyclic shift. */
export const OTHER_REGION = 1;
/** A key that 'masked' padding added. */
export const PADDING = 2;

/**
 * The region of a position of the shifted map: 0, 1 or 2 for the slices (0, -w), (-w, -s), (-s, end) of each axis,
 * combined as 3 * row region + column region. Tokens of one window attend to each other within one region only.
 */
export function regionOf(geometry: WindowGeometry, shiftedRow: number, shiftedColumn: number): number {
  const axis = (position: number, k: 0 | 1) => {
    const {padded, window, shift} = geometry;
    if (shift[k] === 0) return 0;
    if (position < padded[k] - window[k]) return 0;
    return position < padded[k] - shift[k] ? 1 : 2;
  };
  return 3 * axis(shiftedRow, 0) + axis(shiftedColumn, 1);
}

/**
 * SEEN, OTHER_REGION or PADDING for every key of every query, [windows, tokens, tokens] (query before key), or null where every key is
 * seen by every query: no shift, and no cell that must not be attended.
 */
export function windowVisibility(geometry: WindowGeometry): Uint8Array | null {
  const {windows, tokens, window, shift, padded, size, count, padding} = geometry;
  const shifted = shift[0] > 0 || shift[1] > 0;
  const hides = padding === 'masked' && (padded[0] > size[0] || padded[1] > size[1]);
  if (!shifted && !hides) return null;
  const visibility = new Uint8Array(windows * tokens * tokens);
  const regions = new Uint8Array(tokens);
  const added = new Uint8Array(tokens);
  for (let w = 0; w < windows; w++) {
    for (let t = 0; t < tokens; t++) {
      const row = Math.floor(w / count[1]) * window[0] + Math.floor(t / window[1]);
      const column = (w % count[1]) * window[1] + (t % window[1]);
      regions[t] = regionOf(geometry, row, column);
      added[t] = hides && isPaddingCell(geometry, cellOfToken(geometry, w, t)) ? 1 : 0;
    }
    for (let q = 0; q < tokens; q++) {
      const row = (w * tokens + q) * tokens;
      for (let k = 0; k < tokens; k++) {
        if (added[k]) visibility[row + k] = PADDING;
        else if (regions[q] !== regions[k]) visibility[row + k] = OTHER_REGION;
      }
    }
  }
  return visibility;
}
