"""The style of an explanation's page: sober on a screen, and made to be printed on A4. Values only."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """\
:root { --ink: #1d2630; --soft: #5c6873; --line: #d9dee3; --paper: #ffffff; --blue: #1b4f8a; --amber: #8a5a00;
  --green: #1f6b4a; --wash: #f5f7f9; }
* { box-sizing: border-box; }
html { background: #eceff2; }
body { margin: 0; color: var(--ink); font: 16px/1.5 "Segoe UI", "Helvetica Neue", Helvetica, Arial,
  "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 2rem auto; padding: 3rem 3.5rem; background: var(--paper);
  border: 1px solid var(--line); }
p { margin: 0 0 .5rem; }
header { border-bottom: 3px solid var(--ink); padding-bottom: 1.25rem; margin-bottom: 1.5rem; }
.site { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; color: var(--soft); margin: 0; }
h1 { font: 600 2.1rem/1.2 Georgia, "Liberation Serif", serif;
  margin: .25rem 0 .5rem; overflow-wrap: anywhere; }
h1 .kind { color: var(--soft); font-weight: 400; }
.about { font: 1.2rem/1.45 Georgia, "Liberation Serif", serif; margin: 0 0 1rem; max-width: 46rem; }
.facts { display: flex; flex-wrap: wrap; gap: .25rem 2.5rem; margin: 0; font-size: .88rem; }
.facts div { display: flex; gap: .5rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.summary { font-size: 1.05rem; max-width: 50rem; }
.picture { margin: 1.5rem 0 0; overflow-x: auto; }
.picture svg { max-width: 100%; height: auto; display: block; margin: 0 auto; }
section { margin-top: 2.25rem; }
h2 { font: 600 1.25rem/1.3 Georgia, "Liberation Serif", serif; margin: 0 0 .6rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); break-after: avoid; }
h2 span { font-family: inherit; }
.intro, .note { color: var(--soft); font-size: .93rem; max-width: 50rem; }
.intro { break-after: avoid; }
.note { margin-top: .75rem; padding-left: .9rem; border-left: 3px solid var(--line); }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th { text-align: left; font-size: .78rem; letter-spacing: .04em; text-transform: uppercase;
  color: var(--soft); font-weight: 600; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--ink); }
td { vertical-align: top; padding: .55rem .9rem .55rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
td:first-child { width: 46%; }
td:nth-child(2) { width: 25%; }
.middle td:first-child { width: 26%; }
.middle td:nth-child(2) { width: 48%; }
tr { break-inside: avoid; }
tr.follows td { background: var(--wash); font-size: .89rem; color: #3d4853; padding-top: .4rem;
  padding-bottom: .4rem; }
tr.follows td:first-child { padding-left: 1.5rem; }
.sentence, .point { display: grid; grid-template-columns: 2.4rem 1fr; }
.sentence p, .point p { break-inside: avoid; }
.sentence { padding: .45rem 0; border-bottom: 1px solid #eef1f3; }
.sentence p { margin: 0; }
.number { color: var(--soft); font: 600 1rem/1.5 Georgia, "Liberation Serif", serif; }
.points { margin: .3rem 0 .1rem; }
.point { grid-template-columns: 1.6rem 1fr; padding: .12rem 0; font-size: .95rem; }
.letter { color: var(--soft); font-style: italic; }
.where { float: right; margin-left: 1rem; font-size: .72rem; color: #98a2ab; white-space: nowrap;
  line-height: 2; }
code { font: .84em Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; color: var(--soft); }
q { quotes: none; }
b { font-weight: 600; }
.name, .table, .hours, .pattern, .route, .feed { font-weight: 600; overflow-wrap: anywhere; }
.tray, .channel { font-weight: 600; padding: .05rem .3rem; border-radius: .25rem; overflow-wrap: anywhere;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.channel { color: var(--blue); background: #e9f1fa; }
.tray { color: var(--amber); background: #fdf3df; }
.signatures { break-inside: avoid; margin-top: 3rem; }
.signatures td { height: 3rem; vertical-align: bottom; }
.signatures td:nth-child(1), .signatures td:nth-child(2), .signatures td:nth-child(4) { width: 28%; }
.version { font-size: .75rem; color: var(--soft); margin-top: .75rem; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  main { margin: 0; padding: 1.25rem; border: 0; }
  td:first-child, td:nth-child(2) { width: auto; }
}
@media print {
  @page { size: A4; margin: 16mm 15mm; }
  html { background: none; font-size: 9.6pt; }
  body { font-size: 1rem; line-height: 1.4; }
  main { margin: 0; padding: 0; border: 0; max-width: none; }
  section { margin-top: 1.4rem; }
  h2 { break-inside: avoid; }
  h2::after { content: ""; display: block; height: 5rem; margin-bottom: -5rem; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
