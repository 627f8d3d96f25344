/** The reports' stylesheet: light, dark and print. Colours are variables that the plots also use. */
const light = `
  --paper: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --dim: #5b6470; --rule: #d9dee5;
  --a: #2463c4; --b: #c2571a; --c: #2b7f4f; --d: #8a3fa8; --e: #7a6a00;`;
const dark = `
  --paper: #14171b; --card: #1d2127; --ink: #e7eaee; --dim: #a0a9b5; --rule: #363d47;
  --a: #7fb0ff; --b: #ffa366; --c: #6fd39b; --d: #d49bf0; --e: #e0cf5a;`;

export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
@media print { :root, :root:root { color-scheme: light; ${light} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 14px; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 0 0 2px; break-after: avoid; }
figure + h3, .below { margin-top: 22px; }
p { margin: 4px 0 12px; max-width: 78ch; }
a { color: var(--a); }
.dim, figcaption { color: var(--dim); }
figcaption { margin-top: 5px; }
.small, figcaption { font-size: 0.86rem; }
.warning { border-left: 4px solid var(--b); padding: 4px 12px; background: var(--card); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 10px; margin: 14px 0 18px; }
.tile { background: var(--card); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: 0.84rem; color: var(--dim); font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 26px 30px; }
.plots > * { min-width: 0; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figure svg { display: block; max-width: 100%; height: auto; overflow: visible; }
figure svg text { white-space: pre; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.86rem; margin: 2px 0 4px; }
.legend span { white-space: nowrap; }
.legend svg { display: inline-block; vertical-align: 3px; margin-right: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; color: var(--dim); font-size: 0.88rem; }
th:first-child, td:first-child { text-align: left; }
td { white-space: nowrap; }
td:first-child { white-space: normal; min-width: 6.8em; }
td.text { white-space: normal; min-width: 9em; text-align: left; overflow-wrap: anywhere; }
tr.strong td { font-weight: 600; }
.confusion td, .confusion th { border: 0; padding: 3px; text-align: center; }
.confusion th:first-child { text-align: right; padding-right: 8px; }
.confusion td { width: 118px; min-width: 78px; }
td.range { text-align: left; }
.confusion div {
  border-radius: 6px; padding: 14px 4px; border: 1px solid var(--rule); print-color-adjust: exact; -webkit-print-color-adjust: exact;
  background: color-mix(in srgb, var(--a) calc(var(--share) * 42%), var(--paper));
}
.confusion b { display: block; font-size: 1.2rem; line-height: 1.3; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(45%, 220px), 1fr)); gap: 14px; margin: 6px 0 22px; }
.cases figcaption { overflow-wrap: anywhere; line-height: 1.35; margin-top: 4px; }
.cases svg { width: 100%; background: #000; border-radius: 6px; }
.cases b { color: var(--ink); }
.cases .wrong b { color: var(--b); }
.wide svg { min-width: 560px; border-radius: 6px; }
.panel img { display: block; max-width: 100%; border-radius: 6px; }
.panels { display: grid; gap: 16px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 4px 40px; }
.columns > div { min-width: 0; }
.states td { text-align: left; vertical-align: top; padding: 2px 6px 2px 0; border: 0; font-size: 0.86rem; }
.states td div { border-radius: 5px; padding: 2px 8px; min-width: 112px; min-height: 38px; border: 1px solid var(--rule); line-height: 1.25; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.states b { display: block; font-weight: 600; }
.states .finished { background: color-mix(in srgb, var(--c) 22%, var(--paper)); }
.states .running { background: linear-gradient(to right, color-mix(in srgb, var(--a) 30%, var(--paper)) var(--share), var(--paper) var(--share)); border-color: var(--a); }
.states .paused, .states .lost { background: color-mix(in srgb, var(--e) 22%, var(--paper)); }
.states .failed { background: color-mix(in srgb, var(--b) 30%, var(--paper)); border-color: var(--b); }
footer { margin-top: 40px; border-top: 1px solid var(--rule); padding-top: 10px; color: var(--dim); font-size: 0.86rem; }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 24px; }
  h2 + p { break-after: avoid; }
  .plots { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 16px 24px; }
  .columns { grid-template-columns: 1fr 1fr; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: 6px; }
  .tile { padding: 6px 8px; }
  .tile b { font-size: 1.25rem; }
  .tile span, .tile { font-size: 0.74rem; }
  .cases { grid-template-columns: repeat(4, 1fr); break-inside: avoid; }
  table { font-size: 0.9rem; }
  td, th { padding-top: 2px; padding-bottom: 2px; }
  .tile, .warning { border: 1px solid var(--rule); }
  .scroll { overflow: visible; }
  tr, .tile { break-inside: avoid; }
}`;
