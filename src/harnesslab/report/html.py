"""A summary as one self-contained HTML page: nothing is loaded from anywhere, and it prints."""

from __future__ import annotations

from html import escape

from harnesslab.report.charts import curves, forest
from harnesslab.report.contents import contents
from harnesslab.report.grids import Grid, headline
from harnesslab.score.summary import CellSummary, Summary

STYLE = """
:root{--ink:#1b1f24;--soft:#5b6570;--line:#dfe3e8;--paper:#fff;--one:#0b62c4;--all:#c4560b}
@media (prefers-color-scheme:dark){
:root{--ink:#e6e9ec;--soft:#9aa4ae;--line:#343b43;--paper:#14171a;--one:#6db1ff;--all:#ffa45c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:60rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.25rem 0 .5rem}
h3{font-size:.95rem;margin:1.25rem 0 .25rem}
p.caption,p.lead{color:var(--soft);margin:.25rem 0 1rem;max-width:48rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.875rem;min-width:32rem}
th,td{padding:.28rem .7rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--line)}
tr.group th{font-weight:600;text-align:left;padding-top:.8rem}
tbody tr:not(.group) td{border-bottom:1px solid var(--line)}
svg{width:100%;max-width:45rem;height:auto;display:block;font-size:12px}
svg text{fill:var(--ink)}svg .tick{fill:var(--soft)}
.grid{stroke:var(--line)}.whisker{stroke-width:2}.whisker.one{stroke:var(--one)}.whisker.all{stroke:var(--all)}
.rough{stroke-dasharray:4 3}.dot.one{fill:var(--one)}.dot.all{fill:var(--paper);stroke:var(--all);stroke-width:2}
.key i{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin:0 .35em 0 1em}
.key i.one{background:var(--one)}.key i.all{border:2px solid var(--all)}
.line{fill:none;stroke-width:2}svg .end{font-weight:500}
.c0{stroke:#0b62c4}.c1{stroke:#c4560b}.c2{stroke:#2a8a4a}.c3{stroke:#8a3ab9}
.c4{stroke:#b3261e}.c5{stroke:#00838f}.c6{stroke:#7a6a00}.c7{stroke:#777}
svg .t0{fill:#0b62c4}svg .t1{fill:#c4560b}svg .t2{fill:#2a8a4a}svg .t3{fill:#8a3ab9}
svg .t4{fill:#b3261e}svg .t5{fill:#00838f}
svg .t6{fill:#7a6a00}svg .t7{fill:#777}
@media (prefers-color-scheme:dark){.line{filter:brightness(1.6)}svg .end{filter:brightness(1.6)}}
.warn{border-left:3px solid #c4560b;padding-left:.7rem;max-width:48rem}
ul{padding-left:1.2rem}li{margin:.25rem 0;max-width:48rem}dt{font-weight:600}dd{margin:0 0 .4rem}dl{font-size:.875rem}
"""


def to_html(summary: Summary, title: str = "harnesslab report") -> str:
    """The whole report as one page of HTML."""
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            '<p class="lead">Was it the model or the harness? The same tasks, every model in every harness.</p>',
            f'<p class="warn">{escape(summary.unfinished)}</p>' if summary.unfinished else "",
            _charts(summary),
            _table(headline(summary)),
            _budgets(summary),
            *map(_table, contents(summary)),
            _notes(summary),
            _conventions(summary),
        ]
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _groups(summary: Summary) -> dict[str, list[CellSummary]]:
    groups: dict[str, list[CellSummary]] = {}
    for cell in summary.cells:
        groups.setdefault(f"{cell.model} · {cell.suite}", []).append(cell)
    return groups


def _charts(summary: Summary) -> str:
    k = max((c.repeats for c in summary.cells), default=1)
    ring = f'<i class="all"></i>pass^{k}: all of {k} attempts succeed' if k > 1 else ""
    key = f'<p class="caption key"><i class="one"></i>pass^1: one attempt succeeds{ring}</p>'
    charts = "".join(f"<h3>{escape(name)}</h3>{forest(name, cells)}" for name, cells in _groups(summary).items())
    return f"<h2>Success, with {100 * summary.level:.0f} % intervals</h2>{key}{charts}"


def _budgets(summary: Summary) -> str:
    """One chart per model and suite; an ablation's arms are left to its table of budgets."""
    arms = {label for one in summary.ablations for label in one.arms}
    groups = {name: [c for c in cells if c.label not in arms] for name, cells in _groups(summary).items()}
    charts = [(name, curves(name, cells)) for name, cells in groups.items()]
    shown = "".join(f"<h3>{escape(name)}</h3>{svg}" for name, svg in charts if svg)
    return f"<h2>Success against token budget</h2>{shown}" if shown else ""


def _table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in grid.head)
    rows = "".join(
        f'<tr class="group"><th colspan="{len(grid.head)}">{escape(heading)}</th></tr>'
        + "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
        for heading, body in grid.groups
    )
    caption = f'<p class="caption">{escape(grid.caption)}</p>' if grid.caption else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    says = f"<ul>{''.join(f'<li>{escape(s)}</li>' for s in grid.says)}</ul>" if grid.says else ""
    return f'<h2>{escape(grid.title)}</h2>{caption}<div class="scroll">{table}</div>{says}'


def _notes(summary: Summary) -> str:
    if not summary.notes:
        return ""
    return "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(note)}</li>" for note in summary.notes) + "</ul>"


def _conventions(summary: Summary) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in summary.conventions.items())
    return f"<h2>Conventions</h2><dl>{items}</dl>"
