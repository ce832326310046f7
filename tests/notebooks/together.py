"""Pages executed one after the other in one process, which imports once: imports are a third of what a page takes."""

from pathlib import Path

import jupytext
import nbformat
import papermill

COARSE = "from bookmaking.figures.style import RC\nRC['figure.dpi'] = 40  # figures are drawn, and nobody looks at them"


def execute_together(pages: list[Path], executed: Path, **parameters) -> dict[str, list]:
    """Execute pages with the same parameters, into one notebook; the executed cells of each page by its stem."""
    given = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in parameters.items())])
    cells = [nbformat.v4.new_code_cell(COARSE)]
    for page in pages:
        own = [cell for cell in jupytext.read(page).cells if cell.cell_type == "code"]
        own.insert(1, nbformat.v4.new_code_cell(given))
        cells += [nbformat.from_dict(cell | {"metadata": {"page": page.stem}}) for cell in own]
    notebook = jupytext.read(pages[0])  # for its kernel and language
    notebook.cells = cells
    nbformat.write(notebook, executed)
    quick = {"progress_bar": False, "request_save_on_cell_execute": False}
    cells = papermill.execute_notebook(executed, executed, **quick).cells
    return {page.stem: [cell for cell in cells if cell.metadata.get("page") == page.stem] for page in pages}


def texts(cells: list):
    """What cells put out, except pictures."""
    for output in (output for cell in cells for output in cell.get("outputs", ())):
        yield output.get("text", "")
        yield from (str(text) for kind, text in output.get("data", {}).items() if kind.startswith("text/"))
