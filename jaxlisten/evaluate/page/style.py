"""The style sheet of the page."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --ink: #1b1e23; --muted: #666c75; --line: #e2e3e0; --track: #ecedea;
  --right-rgb: 28 98 140; --wrong-rgb: 190 84 28; --deep: #fff;
  --right: rgb(var(--right-rgb)); --wrong: rgb(var(--wrong-rgb)); --other: #b08a5a;
  --green: #1f8a68; --purple: #8f4a8b; --grey: #8b919a;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e6e7e8; --muted: #9aa1ab; --line: #2b3037; --track: #23282e;
    --right-rgb: 96 172 216; --wrong-rgb: 232 138 82; --deep: #0e1114; --other: #c9a878;
    --green: #4cbf98; --purple: #c98ac4; --grey: #7a818b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
main { max-width: 78rem; margin: 0 auto; padding: clamp(1.5rem, 4vw, 4rem) clamp(1rem, 4vw, 3rem); }
h1 { margin: 0; font-size: clamp(1.6rem, 1.2rem + 1.6vw, 2.3rem); font-weight: 620; line-height: 1.15;
  letter-spacing: -.02em; overflow-wrap: anywhere; text-wrap: balance; }
h2 { margin: 0 0 .25rem; font-size: 1.15rem; font-weight: 620; letter-spacing: -.01em; }
p { margin: 0; color: var(--muted); }
section { margin-top: 3.25rem; }
section > p { margin-bottom: 1.1rem; max-width: 46rem; }
.eyebrow { margin-bottom: .4rem; font-size: .8rem; letter-spacing: .09em; text-transform: uppercase; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--muted);
  font-size: .85rem; }

.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
  gap: 1.6rem clamp(1.2rem, 3vw, 2.5rem); margin: -1rem 0 0; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.headline dt { color: var(--muted); font-size: .88rem; }
.headline dd { margin: 0; }
.headline b { display: block; font-size: 2.1rem; font-weight: 580; letter-spacing: -.025em; line-height: 1.3;
  white-space: nowrap; }
.headline p { font-size: .82rem; line-height: 1.4; }
.interval { position: relative; height: 4px; margin: .2rem 0 .45rem; border-radius: 2px; background: var(--track); }
.interval i { position: absolute; inset-block: 0; left: calc(var(--low) * 100%); min-width: 3px;
  width: calc((var(--high) - var(--low)) * 100%); border-radius: 2px; background: var(--right); }

.summary { margin-top: 1.6rem; }
.summary p { max-width: 46rem; color: var(--ink); font-size: 1.06rem; }
.summary .look { margin-bottom: .2rem; color: var(--muted); font-size: 1rem; }
ul { max-width: 46rem; margin: 0 0 1rem; padding-left: 1.15rem; }
li { margin: .15rem 0; overflow-wrap: anywhere; }
li::marker { color: var(--muted); }
.problem::marker, .problem { color: var(--wrong); }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: .2em; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin-top: 2rem; font-size: .88rem; }
nav a { color: var(--muted); text-decoration: none; border-bottom: 1px solid var(--line); }
nav a:hover { color: var(--ink); border-color: currentColor; }
section[id] { scroll-margin-top: 1rem; }

.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 2.5rem; }
figure { margin: 0; max-width: 31rem; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 1.1rem; align-items: baseline; margin-bottom: .4rem;
  font-size: .88rem; color: var(--muted); }
figcaption b { color: var(--ink); font-weight: 580; }
figcaption i { font-style: normal; }
figcaption span::before { content: ""; display: inline-block; width: 1.2em; margin-right: .45em; vertical-align: .22em;
  border-top: 3px solid var(--key); }
figcaption .dashes::before { border-top-style: dotted; }
.wide figure { max-width: none; min-width: 46rem; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.2rem 3rem;
  align-items: center; }
.beside p { max-width: 34rem; margin-bottom: .8rem; }
.beside b { color: var(--ink); font-weight: 580; }
svg { display: block; width: 100%; height: auto; overflow: visible; }

.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; }
th { font-weight: 400; text-align: left; }

.confusion { border-collapse: separate; border-spacing: 2px; line-height: 1.2; }
.confusion th { color: var(--muted); white-space: nowrap; }
.confusion tbody th { position: sticky; left: 0; z-index: 1; max-width: 13rem; overflow: hidden; text-align: right;
  text-overflow: ellipsis; padding: 0 .55rem 0 0; background: var(--paper); }
.confusion thead th { vertical-align: bottom; text-align: center; padding: 0 .1rem .35rem; }
.confusion thead .corner { position: sticky; left: 0; z-index: 1; padding-right: .55rem; text-align: right;
  font-size: .8em; background: var(--paper); }
.confusion tbody tr:hover th { color: var(--ink); }
.turned thead span { display: inline-block; max-height: 11rem; overflow: hidden; writing-mode: vertical-rl;
  text-orientation: sideways;  transform: rotate(180deg); }
.confusion td { min-width: var(--cell); height: var(--cell); padding: 0 .2em; text-align: center; border-radius: 3px; }
.confusion.roomy { --cell: 3.6rem; font-size: 1rem; }
.confusion.medium { --cell: 2.5rem; }
.confusion.dense { --cell: 1.18rem; border-spacing: 1px; font-size: .68rem; }
.confusion.dense td { border-radius: 1px; }
.confusion td.right { background: rgb(var(--right-rgb) / calc(.1 + .88 * var(--share))); }
.confusion td.wrong { background: rgb(var(--wrong-rgb) / min(1, .12 + 1.6 * var(--share))); }
.confusion td.none { background: var(--track); color: var(--muted); }
.confusion td:not([class]) { color: var(--muted); opacity: .45; }
.confusion td.deep { color: var(--deep); }
.keys { white-space: nowrap; }
.keys span::before { content: ""; display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 .2em;
  border-radius: 2px; vertical-align: -.05em; background: rgb(var(--right-rgb) / .85); }
.keys .wrong::before { background: rgb(var(--wrong-rgb) / .85); }

main { display: flex; flex-wrap: wrap; gap: 0 4.5rem; }
main > * { flex: 1 1 100%; min-width: 0; }
#confusion { flex: 0 1 auto; max-width: 100%; }
#confusion > p { max-width: 27rem; }
#classes { flex: 1 1 36rem; }

.list { width: 100%; }
#groups .list, #data-health .list { max-width: 56rem; }
.list th, .list td { padding: .45rem 1.4rem .45rem 0; text-align: right; vertical-align: baseline;
  border-bottom: 1px solid var(--line); }
.list th:first-child, .list .name { text-align: left; }
.list th:last-child, .list td:last-child { padding-right: 0; }
.list tbody th { min-width: 6rem; max-width: 24rem; overflow-wrap: anywhere; }
.list .name { min-width: 5rem; overflow-wrap: anywhere; }
.curves + .scroll { margin-top: 1.6rem; }
.list thead th { color: var(--muted); font-size: .82rem; white-space: nowrap; }
.list .bar { width: 17%; min-width: 4.6rem; }
.list .bar::after { content: ""; display: block; height: 3px; margin-top: .2rem; border-radius: 2px;
  background: linear-gradient(to right, var(--right) calc(var(--value) * 100%), var(--track) 0); }
.list .path { font: .82rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  min-width: 11rem; overflow-wrap: anywhere; }
.list .bar.none::after { content: none; }
.list .span { width: 22%; min-width: 8.5rem; }
.list .span .interval { margin: .2rem 0 0; }
.list tbody th p { font-size: .82rem; line-height: 1.35; }
#models .list tbody th { min-width: 10.5rem; }
#method p { max-width: 46rem; margin-bottom: .8rem; }
.colours { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; max-width: none; font-size: .88rem; }
.colours span::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .4em;
  border-radius: 50%; background: var(--key); }
.map { max-width: 52rem; }
.map svg { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; }
.map circle { fill: var(--key); fill-opacity: .75; stroke: transparent; stroke-width: 10; cursor: pointer;
  pointer-events: all; }
.map circle:hover, .map circle:focus, .map circle[aria-pressed="true"] { fill-opacity: 1; stroke: var(--ink);
  stroke-width: 3; outline: none; }
#heard { overflow-wrap: anywhere; font-size: .88rem; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 2rem 2.2rem;
  margin-bottom: 2rem; }
article { min-width: 0; break-inside: avoid; }
article dl { display: grid; grid-template-columns: 1fr 1fr auto; gap: .2rem 1rem; margin: .55rem 0 .3rem; }
article dt { color: var(--muted); font-size: .78rem; }
article dd { margin: 0; font-weight: 560; overflow-wrap: anywhere; line-height: 1.35; }
article .path { font: .74rem/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
.aligned { display: inline-flex; flex-wrap: wrap; gap: .15rem .45rem; font-weight: 450; text-align: left; }
.aligned > span { display: inline-grid; white-space: pre; line-height: 1.3; }
.aligned.characters { gap: .15rem 0; }
.aligned.characters > span { min-width: .62em; }
.aligned i { font-style: normal; color: var(--muted); }
.aligned .off { border-radius: 3px; padding: 0 .2em; background: rgb(var(--wrong-rgb) / .22); }
.aligned .off b { font-weight: 650; }
article dl:has(.aligned) { grid-template-columns: 1fr auto; }
article dl:has(.aligned) > div:first-child { grid-column: 1 / -1; }
article .cut { font-size: .78rem; }
audio { display: block; width: 100%; height: 2.4rem; margin-top: .4rem; }
pre { margin: 0; font: .78rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.about .group th { padding-top: 1.4rem; color: var(--ink); font-weight: 580; }
.about tbody th { width: 11rem; color: var(--muted); }
.about td { overflow-wrap: anywhere; }

@media (max-width: 36rem) {
  .list th, .list td { padding-right: .7rem; }
  .list .bar { min-width: 3.6rem; }
  .list .path { min-width: 7.5rem; }
  .about tbody th { width: auto; }
}
@media print {
  :root { --paper: #fff; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { margin-top: 1.6rem; }
  .scroll { overflow: visible; }
  .confusion.dense { --cell: 11px; font-size: 6px; }
  main { display: block; }
  tr, figure, p, .headline, .beside { break-inside: avoid; }
  #training, #confusion, #roc-and-precision-recall, #calibration { break-inside: avoid; }
  h2, section > p { break-after: avoid; }
  article dl { gap: .2rem .6rem; }
  article dd { font-size: .8rem; }
  .list th, .list td { padding-block: .2rem; }
  .headline { grid-template-columns: repeat(auto-fit, minmax(6rem, 1fr)); gap: 1rem; }
  .headline b { font-size: 1.6rem; }
  nav, audio { display: none; }
  .clips { grid-template-columns: repeat(3, 1fr); gap: 1rem; }
  .curves { grid-template-columns: 1fr 1fr; }
  pre { font-size: 6.5pt; white-space: pre-wrap; }
}
"""
