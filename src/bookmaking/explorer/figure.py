"""The map as Bokeh describes it: empty, with its tools; the page fills it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, LassoSelectTool, PanTool, Range1d, WheelZoomTool
from bokeh.plotting import figure


def map_figure() -> dict:
    """JSON of a figure named ``map`` for ``Bokeh.embed.embed_item``, without axes, as those of a UMAP mean nothing.

    Its sources are ``galaxies`` (columns x, y, colour) and ``rings`` (x, y, size, colour, width): what is selected and what it found.
    Buttons of the page stand for a toolbar, as a keyboard does not reach Bokeh's.
    """
    galaxies = ColumnDataSource({name: [] for name in ("x", "y", "colour")}, name="galaxies")
    rings = ColumnDataSource({name: [] for name in ("x", "y", "size", "colour", "width")}, name="rings")
    pan, lasso, wheel = PanTool(name="pan"), LassoSelectTool(name="lasso"), WheelZoomTool(name="wheel")
    plot = figure(name="map", tools=[pan, lasso, wheel], active_drag=pan, active_scroll=wheel, toolbar_location=None,
                  x_range=Range1d(0, 1, name="across"), y_range=Range1d(0, 1, name="up"),
                  sizing_mode="stretch_both", min_border=2, outline_line_alpha=0)  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    drawn = plot.scatter("x", "y", source=galaxies, name="drawn", size=6, fill_color="colour",
                         line_width=0.5, line_alpha=0.55, selection_fill_alpha=1,
                         nonselection_fill_alpha=0.12, nonselection_line_alpha=0.1)  # fmt: skip
    plot.scatter(
        "x", "y", source=rings, size="size", fill_alpha=0, line_color="colour", line_width="width", level="overlay"
    )
    lasso.renderers, lasso.continuous = [drawn], False
    return json_item(plot)


def bokeh_script() -> str:
    """Bokeh's own script, of the version that described the figure."""
    package = Path(find_spec("bokeh").origin).parent
    return (package / "server" / "static" / "js" / "bokeh.min.js").read_text(encoding="utf-8")
