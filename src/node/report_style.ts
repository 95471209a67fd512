/** The style sheet of the training report. No external font, image or script; light and dark by the reader's choice. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2126; --muted: #5d6873; --rule: #dfe4e8; --panel: #f5f7f8;
  --series-0: #1f5fa8; --series-1: #b8500a; --series-2: #2e7d4f; --series-3: #7a3fa0;
  --cell: 20 70 140; --on-cell: #ffffff; --wrong: #b3261e; --right: #2e7d4f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181b; --ink: #e4e8eb; --muted: #98a4ae; --rule: #2d353b; --panel: #1c2226;
    --series-0: #74b3f2; --series-1: #f0a05a; --series-2: #7fcf9c; --series-3: #c79be8;
    --cell: 44 104 176; --on-cell: #ffffff; --wrong: #ff8a80; --right: #7fcf9c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 60rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.5rem 0 .6rem; }
p { margin: .5rem 0; max-width: 44rem; }
.muted, figcaption, caption { color: var(--muted); font-size: .875rem; }
.notice { border-left: 3px solid var(--wrong); padding-left: .75rem; }
pre {
  background: var(--panel); padding: .7rem .9rem; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; margin: .75rem 0;
}
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .55rem 1.5rem; margin: 1rem 0 0; }
dt { color: var(--muted); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
table.results { width: 100%; }
th, td { text-align: left; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; }
thead th { color: var(--muted); font-size: .8rem; font-weight: 500; vertical-align: bottom; }
.number { text-align: right; padding-right: 0; padding-left: 1rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; font-size: .875rem; margin: .25rem 0 .75rem; padding: 0; list-style: none; }
.key svg { vertical-align: middle; margin-right: .4rem; }
.swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .45rem; background: currentColor; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.5rem; }
.charts figure { margin: 0; }
.charts figcaption { color: var(--ink); font-weight: 600; margin-bottom: .3rem; }
.charts svg { width: 100%; height: auto; max-width: 36rem; overflow: visible; }
.matrices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1rem 2rem; }
.matrices > div { min-width: 0; }
table.confusion { font-size: .8rem; }
table.confusion th, table.confusion td { border: 0; padding: 0; }
table.confusion tbody td { width: 2.05rem; min-width: 2.05rem; height: 1.8rem; text-align: center; border: 1px solid var(--page); }
table.confusion th[scope=row] { padding-right: .5rem; text-align: right; font-weight: 400; max-width: 8rem; overflow: hidden; text-overflow: ellipsis; }
table.confusion th[scope=col] { vertical-align: bottom; padding-bottom: .35rem; font-weight: 400; color: var(--ink); }
table.confusion th[scope=col] span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; max-height: 8rem; overflow: hidden; line-height: 2.05rem; }
table.confusion .corner { color: var(--muted); font-size: .72rem; vertical-align: bottom; padding: 0 .5rem .35rem 0; text-align: right; }
table.confusion .strong { color: var(--on-cell); }
table.confusion .none { color: var(--muted); opacity: .55; }
figure { margin: .5rem 0 1rem; }
img { image-rendering: pixelated; }
img.matrix { width: 100%; max-width: 25rem; display: block; border: 1px solid var(--rule); }
.images { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.1rem 1rem; }
.images li { font-size: .8rem; line-height: 1.4; min-width: 0; }
.images img { display: block; width: 100%; height: auto; border-radius: 3px; border: 2px solid transparent; margin-bottom: .3rem; }
.images .has-wrong img { border-color: var(--wrong); }
.images strong { display: block; font-size: .875rem; overflow-wrap: anywhere; }
.verdict { display: flex; gap: .35rem; }
.verdict > span { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.verdict .model { color: var(--muted); }
.verdict small { color: var(--muted); font-size: 1em; }
.verdict.right b { color: var(--right); }
.verdict.wrong { color: var(--wrong); }
.pictures { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.25rem; }
.pictures img { display: block; width: 100%; height: auto; image-rendering: auto; }
@media (max-width: 30rem) {
  body { padding: 1.25rem 1rem 3rem; }
  th, td { padding-right: .5rem; }
  .number { padding-left: .5rem; }
  /* Seven columns do not fit: each model becomes a list of its figures. */
  table.results, table.results tbody, table.results tr, table.results th, table.results td { display: block; }
  table.results thead { display: none; }
  table.results tr { border-bottom: 1px solid var(--rule); padding: .4rem 0; }
  table.results th, table.results td { border: 0; padding: .1rem 0; }
  table.results td { display: flex; justify-content: space-between; }
  table.results td::before { content: attr(data-label); color: var(--muted); }
  table.confusion { font-size: .72rem; }
  table.confusion tbody td { width: 1.55rem; min-width: 1.55rem; height: 1.5rem; }
  table.confusion th[scope=col] span { line-height: 1.55rem; }
}
footer { margin-top: 3rem; color: var(--muted); font-size: .8rem; }
`;
