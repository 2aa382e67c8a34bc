//! The one style sheet. Colours are named once for light and once for dark.

/// Put into every page.
pub(super) const SHEET: &str = r"
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --panel: #ffffff; --ink: #1c1e21; --faint: #666b73; --line: #dcdde0;
  --good: #2f8f5b; --refused: #8a8f98; --unknown: #c58a1b; --witness: #d0312d;
  --leader: #2b6cb0; --candidate: #a35fc4; --follower: #9dbbd8; --down: #4a4d52;
  --fault: #d0662d; --event: #1f8a99; --quiet: #a9adb5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181b; --panel: #1f2226; --ink: #e6e7e9; --faint: #9aa0a8; --line: #353a40;
    --good: #4fbf83; --refused: #7f858f; --unknown: #e0a83a; --witness: #ff6b64;
    --leader: #5b9ee6; --candidate: #c48be0; --follower: #48637d; --down: #b9bdc4;
    --fault: #f08a50; --event: #48bccb; --quiet: #666c75;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 32px 0 10px; }
p { margin: 6px 0; }
a { color: var(--leader); }
.faint { color: var(--faint); }
code, pre, .number { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-size: 13px; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: 10px 12px; overflow-x: auto; margin: 8px 0; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line);
  border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; font-size: 13px; color: var(--faint); white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; width: 1%; }
th.number { font-family: inherit; }
td.name { white-space: nowrap; }
td .about { color: var(--faint); font-size: 13px; white-space: normal; min-width: 260px; }
.badge { display: inline-block; border-radius: 4px; padding: 0 8px; font-size: 13px;
  font-weight: 600; border: 1px solid currentColor; white-space: nowrap; }
.badge.pass { color: var(--good); } .badge.violation { color: var(--witness); }
.badge.inconclusive { color: var(--unknown); } .badge.harness { color: var(--candidate); }
.verdict { background: var(--panel); border: 1px solid var(--line); border-left-width: 6px;
  border-radius: 6px; padding: 12px 16px; margin: 16px 0; }
.verdict.pass { border-left-color: var(--good); }
.verdict.violation { border-left-color: var(--witness); }
.verdict.inconclusive { border-left-color: var(--unknown); }
.verdict.harness { border-left-color: var(--candidate); }
.plot td, .plot th { padding: 3px 8px; font-size: 12.5px; }
.plot td { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  border-right: 1px solid var(--line); max-width: 260px; overflow-wrap: anywhere; }
.plot th { white-space: normal; }
.plot tr.seen td { background: color-mix(in srgb, var(--witness) 14%, transparent); }
.plot tr.seen td:first-child { box-shadow: inset 4px 0 var(--witness); font-weight: 600; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 14px; min-width: 130px; }
.tile b { display: block; font-size: 18px; font-variant-numeric: tabular-nums; }
.tile.short { border-color: var(--unknown); }
.tile span { font-size: 13px; color: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0; font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; }
svg { display: block; }
svg text { fill: var(--ink); font: 11px ui-monospace, Menlo, Consolas, monospace; }
svg .axis { fill: var(--faint); } svg .grid { stroke: var(--line); stroke-width: 1; }
svg .in { fill: #fff; font-size: 10px; pointer-events: none; }
svg .focus { fill: var(--witness); opacity: .09; }
.good { fill: var(--good); background: var(--good); }
.refused { fill: var(--refused); background: var(--refused); }
.unknown { fill: var(--unknown); background: var(--unknown); }
.witness { fill: var(--witness); background: var(--witness); }
.leader { fill: var(--leader); background: var(--leader); }
.candidate { fill: var(--candidate); background: var(--candidate); }
.follower { fill: var(--follower); background: var(--follower); }
.down { fill: var(--down); background: var(--down); }
.fault { fill: var(--fault); background: var(--fault); }
.event { fill: var(--event); background: var(--event); }
.quiet { fill: var(--quiet); background: var(--quiet); }
";
