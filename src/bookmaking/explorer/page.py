"""The explorer on the page of a chapter: its markup, its scripts and a table for those who go without them."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np
from IPython.display import HTML

from astroclip_book.data.sampling import evenly
from bookmaking.explorer.packing import read_script
from bookmaking.explorer.search import byte_neighbours
from bookmaking.run import Run, titled

FOLDER = Path(__file__).parent
SCRIPTS = ("data", "search", "draw", "colours", "map", "panels", "table", "explorer")  # page.<name>.js, in this order
STATIC = "../_static"  # where the site keeps what it loads, seen from a chapter
TABLE_ROWS = 50  # without scripts; with them all galaxies, a page at a time


def explorer(run: Run) -> HTML:
    """The explorer of a run's test set, for the last line of a cell.

    The site puts ``bokeh.js`` and ``explorer_data.js`` beside its pages; what is returned here holds the rest.
    """
    return HTML(markup(read_script(run.path("explorer_data.js").read_text())))


def markup(data: dict, static: str = STATIC) -> str:
    """Elements, style and scripts of the explorer.

    Parameters
    ----------
    data : dict
        What the step packed.
    static : str
        Address of the folder with ``bokeh.js`` and ``explorer_data.js``.
    """
    shown, total = f"{len(data['ids']):,}", f"{data['total']:,}"
    share = f"all {total} test galaxies" if shown == total else f"{shown} of {total} test galaxies, drawn at random"
    parts = "\n".join((FOLDER / f"page.{name}.js").read_text() for name in SCRIPTS)
    return f"""<section class="explorer" aria-label="Explorer of the test set">
<style>
{(FOLDER / "page.css").read_text()}</style>
<p class="ex-hint">{html.escape(titled(data["source"]))}; {share}.</p>
<p class="ex-hint" data-part="status" role="status"></p>
<noscript><p>The map and the search need JavaScript. Without it, the table below lists some galaxies with their nearest
others.</p></noscript>
<div data-part="app" hidden>
<div class="ex-controls" data-part="controls"></div>
<div class="ex-main">
<div>
<div class="ex-map" data-part="map" tabindex="0" role="application" aria-describedby="ex-keys">
<div class="ex-plot" data-part="plot" id="ex-plot"></div>
<div class="ex-card" data-part="card" aria-hidden="true" hidden></div>
</div>
<div class="ex-legend" data-part="legend"></div>
<p class="ex-hint" id="ex-keys">Click or tap a galaxy, or focus the map and use the keys: arrows go to the nearest galaxy that
way, Enter to its neighbours, + and − zoom, 0 shows all, Escape gives up a lasso's selection. The wheel zooms after a click on the
map, or with Ctrl or ⌘. Rings: thick, the selected galaxy; thin, those it found.</p>
</div>
<div data-part="detail"></div>
</div>
<div data-part="nearest">
<h2>Nearest to <span data-part="of"></span></h2>
<div data-part="results"></div>
</div>
<div data-part="selection"></div>
</div>
<details data-part="table">
<summary>Table of galaxies</summary>
<div class="ex-scroll" tabindex="0" role="region" aria-label="Table of galaxies">
{table(data)}
</div>
</details>
</section>
<script defer src="{static}/bokeh.js"></script>
<script defer src="{static}/explorer_data.js"></script>
<script>
(() => {{
"use strict";
{parts}}})();
</script>
"""


def table(data: dict) -> str:
    """Galaxies at even steps of redshift, with their properties and the nearest other one in each direction, as an HTML table."""
    n = len(data["ids"])
    by_redshift = np.argsort(data["redshift"], kind="stable")
    rows = by_redshift[evenly(n, TABLE_ROWS)]
    small = {name: np.frombuffer(base64.b64decode(text), np.int8) for name, text in data["vectors"].items()}
    vectors = {name: values.reshape(n, -1) for name, values in small.items()}
    ways = [(asked, gallery) for asked in vectors for gallery in vectors]
    first = [byte_neighbours(vectors[asked], vectors[gallery], rows, 1)[0][:, 0] for asked, gallery in ways]
    columns = ["galaxy", *(column["label"] for column in [*data["numbers"], *data["labels"]])]
    columns += [f"nearest, {asked} → {gallery}" for asked, gallery in ways]
    lines = [
        _line([
            _link(data["ids"][row]),
            *(html.escape(_number(column["values"][row])) for column in data["numbers"]),
            *(html.escape(column["names"][column["codes"][row]]) for column in data["labels"]),
            *(_link(data["ids"][found[place]]) for found in first),
        ])
        for place, row in enumerate(rows)
    ]  # fmt: skip
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    caption = (
        f"{len(rows)} of {n:,} galaxies at even steps through redshift; the last columns name the nearest other galaxy."
    )
    body = "\n".join(lines)
    return f"<table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _line(cells: list[str]) -> str:
    return f'<tr><th scope="row">{cells[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in cells[1:]) + "</tr>"


def _link(target: str) -> str:
    return f'<a href="#galaxy={html.escape(target)}">{html.escape(target)}</a>'


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}".replace("-", "−")
