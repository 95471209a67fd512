/**
 * A table of text: columns as wide as their widest cell, two spaces between them.
 *
 * @param rows Cells, the same number in every row; the head first, if there is one.
 * @param isRight Whether a column, counted from 0, stands to the right, as numbers do.
 * @returns A line per row, without spaces at its end.
 */
export function textTable(
  rows: readonly (readonly string[])[],
  isRight: (column: number) => boolean,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const pad = (cell: string, column: number) =>
    isRight(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]);
  return rows.map((cells) => cells.map(pad).join('  ').trimEnd());
}
