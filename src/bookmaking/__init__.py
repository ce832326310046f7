"""What makes the book: runs and their artefacts, chapters, figures, explorer, site. Notebooks begin with `open_run`."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

from astroclip_book.config import choose_device
from astroclip_book.data.files import read_json
from bookmaking.presets import ROOT, load_preset
from bookmaking.store.run import Run

FIRST = "01_mock_survey"  # the chapter that chooses seed and data for all others
COMMON = ("seed", "pairs_path", "catalog_path", "sample_path")


def open_run(
    *,
    chapter: str = "",
    preset: str | Path = "laptop",
    run_dir: str | Path | None = None,
    device: str = "auto",
    **values,
) -> Run:
    """Open the run of a notebook, in ``runs/<preset>`` unless a directory is given.

    ``chapter`` is the stem of the notebook, ``preset`` a name or a YAML file, ``device`` "auto", "cpu" or "cuda". Other values
    take the place of the preset's of that name; None leaves it, but for seed and data, which are those that the first chapter
    was executed with. What papermill was given and the notebook does not pass counts as well. BookError for an unknown
    preset, parameter or device, or a value of another kind.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):  # figures appear below their cells and as matplotlib draws them by default
        import matplotlib
        from matplotlib.figure import Figure

        from bookmaking.figures.style import as_png

        matplotlib.rcdefaults()
        shell.run_line_magic("matplotlib", "inline")
        shell.display_formatter.formatters["image/png"].for_type(Figure, as_png)
    preset, given = os.fspath(preset), _injected(shell) if shell else {}
    values = {name: value for name, value in (given | values).items() if value is not None}
    directory = Path(run_dir or ROOT / "runs" / Path(preset).stem)
    common = {name: values[name] for name in COMMON if name in values}
    if chapter not in (FIRST, ""):
        made = read_json(directory / "manifest.json").get("index", {}).get("configuration", {})
        made = {"seed": made.get("seed"), **made.get("data", {})}
        common = {name: made.get(name) for name in COMMON} | common
    changed, base = load_preset(preset, **common | values), load_preset(preset, **common)
    return Run(changed, directory, choose_device(device), chapter=chapter, base=base)


def _injected(shell) -> dict:
    """Parameters that papermill wrote into a cell of its own, but for what chooses the run and for its own paths."""
    trees = [ast.parse(cell) for cell in shell.user_ns.get("In", []) if cell.startswith("# Parameters\n")]
    assigned = [node for tree in trees for node in tree.body if isinstance(node, ast.Assign)]
    names = {node.targets[0].id for node in assigned} - {"preset", "run_dir", "device"}
    return {name: shell.user_ns[name] for name in names if not name.startswith("PAPERMILL_")}
