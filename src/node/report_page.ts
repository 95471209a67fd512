/** What the reports share: the page around them, how it was made, and numbers as people read them. */
import {html, Markup} from './html.js';
import {REPORT_STYLE} from './report_style.js';

export interface PageArgs {
  title: string;
  /** Under the title, for example the date. */
  subtitle?: string;
  /** Under that. */
  summary: Markup;
  main: Markup;
  /** The command that made it, as typed. */
  command: string;
  /** What was set, by name, in order. */
  configuration: Readonly<Record<string, string | number>>;
}

/** The HTML document. */
export function reportPage({title, subtitle, summary, main, command, configuration}: PageArgs): Markup {
  const settings = Object.entries(configuration).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(REPORT_STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${subtitle === undefined ? null : html`<p class="muted">${subtitle}</p>`}
${summary}
</header>
<main>
${main}
<h2>How it was made</h2>
<pre>${command}</pre>
<dl>${settings}</dl>
</main>
<footer>Made by tfjs-swint.</footer>
</body>
</html>
`;
}

/** A dot in the colour of a series, by its place, or in a CSS colour. */
export const swatch = (color: number | string) =>
  html`<span class="swatch" style="color:${typeof color === 'number' ? `var(--series-${color})` : color}" aria-hidden="true"></span>`;

/** The key of a stroke: drawn through or dashed. */
export const stroke = (dash: string, text: string) =>
  html`<li><svg width="26" height="8" aria-hidden="true"><line x1="0" y1="4" x2="26" y2="4" stroke="currentColor" stroke-width="2" stroke-dasharray="${dash}"/></svg>${text}</li>`;

export const count = (value: number) => value.toLocaleString('en-US');
export const decimal = (value: number, digits: number) => value.toFixed(digits);
export const percent = (value: number) => `${(value * 100).toFixed(1)}\u00a0%`;
