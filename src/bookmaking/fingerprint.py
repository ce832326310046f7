"""Fingerprints of source code, so that a change of what a step does is seen without running it."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import re
from pathlib import Path

# Changing how a run is kept, shown or started does not change what its steps compute.
PACKAGES = {"astroclip_book", "mock_survey", "real_sky", "bookmaking"}
HOUSEKEEPING = {
    "astroclip_book", "bookmaking", "astroclip_book.config", "astroclip_book.errors", "astroclip_book.data.files", "astroclip_book.data.progress",
    "astroclip_book.train.processes", "mock_survey.config", "bookmaking.pipeline", "bookmaking.presets", "bookmaking.provenance", "bookmaking.run",
}  # fmt: skip

BESIDE = {".csv", ".html", ".json", ".js", ".css"}  # what a module may read from files beside it


def digest(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_hash(modules: set[str]) -> str:
    """Hash of these modules and of all that they import from the four packages, directly or not.

    Comments, docstrings and layout do not count; files of other kinds under a module's name (``claims.csv``, or ``page/map.js``
    beside ``page.py``) do. Nothing is imported or run.
    """
    found: dict[str, str] = {}
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name not in found and path:
            imported, found[name] = _parsed(path.read_text())
            waiting |= imported
            beside = [*path.parent.glob(f"{path.stem}.*"), *path.parent.glob(f"{path.stem}/*.*")]
            beside = [file for file in beside if file.suffix in BESIDE]
            found |= {f"{name} {file.name}": file.read_text() for file in beside}
    return digest("\n".join(f"{name} {found[name]}" for name in sorted(found)))


def chapter_hash(root: Path, stem: str) -> str:
    """Hash of the code cells of a chapter, without the parameters, and of all that they import."""
    page = next(path for path in (root / "notebooks" / f"{stem}.md", root / "book" / f"{stem}.md") if path.is_file())
    cells = re.findall(
        r"^```{code-cell}[^\n]*\n((?:---\n.*?^---\n|(?::[^\n]*\n)*))(.*?)^```",
        page.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    tree = ast.parse("\n".join(code for header, code in cells if "parameters" not in header))
    return digest(ast.dump(tree) + code_hash(imports(tree)))


@functools.cache  # steps and chapters share most of their modules
def _parsed(source: str) -> tuple[frozenset[str], str]:
    """What a module imports of the four packages, and its code as text."""
    tree = ast.parse(source)
    return frozenset(imports(tree)), ast.dump(_without_docstrings(tree))


def imports(tree: ast.AST) -> set[str]:
    """Names in the four packages that a syntax tree imports anywhere, housekeeping modules left out.

    ``from package import name`` counts as ``package.name``: :func:`code_hash` passes over what is no module.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {name for name in names if name.partition(".")[0] in PACKAGES}
    return {name for name in inside if name not in HOUSEKEEPING}


def _source(module: str) -> Path | None:
    top, _, rest = module.partition(".")
    spec = importlib.util.find_spec(top)  # of the package alone: looking deeper would import what lies between
    if spec is None or spec.origin is None:
        return None
    if not rest:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*rest.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            node.body = [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    return tree
