/**
 * A confusion matrix as HTML: a row per true class, a column per predicted one, the count in each cell, shaded by its
 * share of the row. With many classes a picture of the matrix and a list of the most frequent confusions instead.
 */
import {html, type Markup} from './html.js';
import {pngDataUri} from './png_data_uri.js';

/** More classes than this make a table that nobody can read. */
const LARGEST_TABLE = 24;
const LISTED_CONFUSIONS = 15;
/** Share of a row from which a cell is dark enough for white text; at the change both keep a contrast above 4. */
const STRONG = 0.65;

/** @param confusion Images by [true class][predicted class]. */
export function confusionMatrix(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): Markup {
  return classNames.length <= LARGEST_TABLE
    ? confusionTable(confusion, classNames)
    : html`${confusionPicture(confusion)}${confusionList(confusion, classNames)}`;
}

function confusionTable(confusion: readonly (readonly number[])[], classNames: readonly string[]): Markup {
  const rows = classNames.map((name, row) => {
    const total = sum(confusion[row]);
    const cells = confusion[row].map((count, column) => {
      const share = total === 0 ? 0 : count / total;
      const text = count === 0 ? html`<span class="none">·</span>` : html`${count}`;
      const title = `${name} taken for ${classNames[column]}: ${count} of ${total}`;
      return html`<td class="${share >= STRONG ? 'strong' : ''}" style="background:rgb(var(--cell) / ${share.toFixed(3)})" title="${title}">${text}</td>`;
    });
    return html`<tr><th scope="row">${name}</th>${cells}</tr>`;
  });
  const heads = classNames.map((name) => html`<th scope="col"><span>${name}</span></th>`);
  return html`<div class="scroll"><table class="confusion"><thead><tr><td class="corner">true \\ predicted</td>${heads}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function confusionPicture(confusion: readonly (readonly number[])[]): Markup {
  const classes = confusion.length;
  const rgb = new Uint8Array(classes * classes * 3);
  for (const [row, counts] of confusion.entries()) {
    const total = Math.max(1, sum(counts));
    for (const [column, count] of counts.entries()) {
      // From white to dark blue, both legible as a figure on either theme's ground. The root lets rare ones show.
      const share = Math.sqrt(count / total);
      rgb.set(
        [
          [255, 20],
          [255, 60],
          [255, 120],
        ].map(([from, to]) => Math.round(from + (to - from) * share)),
        (row * classes + column) * 3,
      );
    }
  }
  return html`<figure><img class="matrix" src="${pngDataUri(rgb, classes, classes)}" alt="confusion matrix"><figcaption>Each row is a true class, each column a predicted one, in the order of the classes; darker is more frequent.</figcaption></figure>`;
}

function confusionList(confusion: readonly (readonly number[])[], classNames: readonly string[]): Markup {
  const pairs = confusion
    .flatMap((counts, row) => counts.map((count, column) => ({row, column, count})))
    .filter(({row, column, count}) => row !== column && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, LISTED_CONFUSIONS);
  if (pairs.length === 0) return html`<p>No test image was misclassified.</p>`;
  const rows = pairs.map(
    ({row, column, count}) =>
      html`<tr><td>${classNames[row]}</td><td>${classNames[column]}</td><td class="number">${count} of ${sum(confusion[row])}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>true class</th><th>taken for</th><th class="number">images</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
