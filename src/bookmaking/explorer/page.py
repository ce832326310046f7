"""The explorer on the page of a chapter: its markup, its scripts and a table for those who go without them."""

from __future__ import annotations

import base64
import html
import itertools
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
from IPython.display import HTML

from bookmaking.explorer.packing import byte_neighbours, read_script
from bookmaking.figures.tables import number
from bookmaking.store.run import Run, titled

FOLDER = Path(__file__).with_suffix("")  # page/
SCRIPTS = ("data", "search", "draw", "colours", "map", "panels", "table", "guess", "explorer")  # of page/<name>.js
TABLE_ROWS = 50  # without scripts; with them all galaxies, a page at a time


def explorer(run: Run) -> HTML:
    """The explorer of a run's test set; the site puts ``bokeh.js`` and ``explorer_data.js`` beside its pages."""
    return HTML(markup(read_script(run.path("explorer_data.js").read_text(encoding="utf-8"))))


def markup(data: dict, static: str = "../_static") -> str:
    """Elements, style and scripts of the explorer of packed data; ``static`` is the address of the folder with what it loads."""
    shown, total, real = f"{data['count']:,}", f"{data['total']:,}", len(data["ids"]) - data["count"]
    share = f"all {total} test galaxies" if shown == total else f"{shown} of {total} test galaxies, drawn at random"
    share += f". Stars on the map are {real} real galaxies of a sample" if real else ""
    parts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return Template((FOLDER / "page.html").read_text(encoding="utf-8")).substitute(
        css=(FOLDER / "page.css").read_text(encoding="utf-8"), title=html.escape(f"{titled(data['source'])}; {share}."),
        table=table(data), static=static, scripts="\n".join(parts),
    )  # fmt: skip


def table(data: dict) -> str:
    """Galaxies at even steps of redshift, with their properties and the nearest other one in each direction, as an HTML table."""
    n = data["count"]
    places = np.linspace(0, n - 1, min(n, TABLE_ROWS)).round().astype(int)
    rows = np.argsort(data["redshift"][:n], kind="stable")[places]
    small = {name: np.frombuffer(base64.b64decode(text), np.int8) for name, text in data["vectors"].items()}
    vectors = {name: values.reshape(len(data["ids"]), -1)[:n] for name, values in small.items()}
    links = np.array([f'<a href="#galaxy={html.escape(one)}">{html.escape(one)}</a>' for one in data["ids"]])
    columns = {one["label"]: [number(one["values"][row], ".4g") for row in rows] for one in data["numbers"]}
    columns |= {one["label"]: [html.escape(one["names"][one["codes"][row]]) for row in rows] for one in data["labels"]}
    for asked, gallery in itertools.product(vectors, repeat=2):
        nearest = byte_neighbours(vectors[asked], vectors[gallery], rows, 1)[:, 0]
        columns[f"nearest, {asked} → {gallery}"] = links[nearest]
    frame = pd.DataFrame(columns, index=links[rows]).rename_axis(columns="galaxy").rename(columns=html.escape)
    caption = (
        f"{len(rows)} of {n:,} galaxies at even steps through redshift; the last columns name the nearest other galaxy."
    )
    text = frame.to_html(escape=False, border=0, justify="left")
    return text.replace("<thead>", f"<caption>{caption}</caption>\n<thead>", 1)
