"""A report as one HTML page that needs nothing but itself: no script, no font, no picture from elsewhere."""

import re
from html import escape

from heirloom.evaluation import svg
from heirloom.evaluation.report import Chart, Report, Section, Table

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #57606a; --rule: #d5dae0; --band: #f5f7f9;
  --line-0: #0067a8; --line-1: #c24d00; --line-2: #00805a; --line-3: #7443bd; --line-4: #946800; --line-5: #55595f; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8eaed; --faint: #a3abb5; --rule: #3a4149;
  --band: #1c2126; --line-0: #5db8f0; --line-1: #ff9257; --line-2: #35d0a0; --line-3: #bda2ff; --line-4: #eec14f;
  --line-5: #c5cad0; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 74rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; font-size: 1.25rem; }
p { max-width: 46rem; }
code { font-size: 0.92em; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--line-0); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th, td { white-space: nowrap; }
th { font-weight: 600; }
tbody tr:nth-child(even) { background: var(--band); }
figure { margin: 1.5rem 0; }
figcaption { color: var(--faint); font-size: 0.9rem; }
figure > svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .small { font-size: 12px; fill: var(--faint); }
svg .grid { stroke: var(--rule); }
svg .mark { stroke: var(--faint); stroke-dasharray: 4 3; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0.3rem 0; padding: 0; list-style: none; }
.swatch { width: 36px; height: 12px; margin-right: 0.4rem; vertical-align: middle; }
"""


def page(report: Report) -> str:
    """Return the whole page; it follows the reader's choice of light or dark."""
    sections = "\n".join(_section(section) for section in report.sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(report.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(report.title)}</h1>
{"".join(map(_paragraph, report.lead))}
{sections}
</main>
</body>
</html>
"""


def _section(section: Section) -> str:
    parts = [f'<section aria-labelledby="{section.name}">', f'<h2 id="{section.name}">{escape(section.title)}</h2>']
    parts += map(_paragraph, section.text)
    parts += [_table(section.table, section.title)] if section.table else []
    parts += [_figure(section.chart, f"{section.name}-chart")] if section.chart else []
    return "\n".join([*parts, "</section>"])


def _paragraph(text: str) -> str:
    """The few marks of Markdown that the reports use: `code` and *emphasis*."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    marked = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", marked)
    return f"<p>{marked}</p>\n" if text else ""


def _table(table: Table, title: str) -> str:
    """Narrow screens scroll the table, by keyboard too."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.header)
    rows = "\n".join(_row(row) for row in table.rows)
    label = escape(f"Table: {title}", quote=True)
    inside = f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    return f'<div class="wide" role="region" aria-label="{label}" tabindex="0">\n{inside}\n</div>'


def _row(cells: tuple[str, ...]) -> str:
    first, *others = map(escape, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'


def _figure(chart: Chart, name: str) -> str:
    items = "".join(f"<li>{svg.swatch(k)}{escape(label)}</li>" for k, label in enumerate(svg.labels(chart)))
    legend = f'<ul class="legend">{items}</ul>'
    return f"<figure>\n{svg.drawn(chart, name)}\n{legend}\n<figcaption>{escape(chart.title)}</figcaption>\n</figure>"
