"""What code a result depends on, read without running it: the package's modules by content, other packages by version."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from bookmaking.presets import ROOT, flat

PACKAGES = {"astroclip_book", "mock_survey", "real_sky", "bookmaking"}
# How a run is kept, shown or started does not change what is computed; values are in the keys themselves.
HOUSEKEEPING = {
    "astroclip_book", "astroclip_book.config", "astroclip_book.errors", "astroclip_book.data.files",
    "astroclip_book.train.processes", "mock_survey", "bookmaking", "bookmaking.presets", "bookmaking.store",
    "bookmaking.store.keys", "bookmaking.store.provenance", "bookmaking.store.recipes", "bookmaking.store.run",
}  # fmt: skip
READERS = {"astroclip_book.data.catalog", "astroclip_book.data.pairs"}  # what a run itself reads its files with
BESIDE = {".csv", ".html", ".json", ".js", ".css"}  # what a module may read from files beside it
CELL = re.compile(r"^```{code-cell}[^\n]*\n((?:---\n.*?^---\n|(?::[^\n]*\n)*))(.*?)^```", re.MULTILINE | re.DOTALL)


def digest(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_of(function: Callable) -> str:
    """The source of a function, or of that of a partial one."""
    return textwrap.dedent(inspect.getsource(getattr(function, "func", function)))


def code_of_chapter(stem: str) -> str:
    """The source of a chapter's code cells, without that of the parameters."""
    page = next(path for path in (ROOT / "notebooks" / f"{stem}.md", ROOT / "book" / f"{stem}.md") if path.is_file())
    cells = CELL.findall(page.read_text(encoding="utf-8"))
    return "\n".join(code for head, code in cells if not re.search(r"tags:.*\bparameters\b", head))


def code_key(code: str) -> tuple[str, dict[str, str]]:
    """Hash of some code and of all that it imports from the four packages, directly or not; versions of the other packages imported.

    Comments, docstrings and layout do not count; files of other kinds under a module's name (``claims.csv``, or ``page/map.js``
    beside ``page.py``) do.
    """
    imported, text = _parsed(code, "")
    waiting, seen, found, others = READERS | imported, set(), {}, set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        top, path = name.partition(".")[0], _source(name)
        if top not in PACKAGES:
            others.add(top)
        elif name not in HOUSEKEEPING and path:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            imported, found[name] = _parsed(path.read_text(encoding="utf-8"), package)
            waiting |= imported - seen
            beside = [*path.parent.glob(f"{path.stem}.*"), *path.parent.glob(f"{path.stem}/*.*")]
            texts = [file for file in beside if file.suffix in BESIDE]
            found |= {f"{name} {file.name}": file.read_text(encoding="utf-8") for file in texts}
    return digest("\n".join([text, *(f"{name} {found[name]}" for name in sorted(found))])), _versions(others)


def difference(before: dict, now: dict) -> str:
    """The first thing that a result was made with and that is another now."""
    for part in ("configuration", "versions"):
        was, value = flat(before.get(part, {})), flat(now[part])
        for key in sorted(was.keys() | value.keys()):
            if was.get(key) != value.get(key):
                return f"made with {key} = {was.get(key)!r}, now {value.get(key)!r}"
    if before["code"] != now["code"]:
        return "the code that makes it changed"
    return f"its input '{next(need for need, key in now['needs'].items() if before['needs'].get(need) != key)}' changed"


def imports(tree: ast.AST, package: str = "") -> set[str]:
    """Modules that a tree imports anywhere, but for the standard library; ``from a import b`` counts as ``a`` and ``a.b``."""
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


@functools.cache  # recipes and chapters share most of their modules
def _parsed(source: str, package: str) -> tuple[frozenset[str], str]:
    tree = ast.parse(source)
    return frozenset(imports(tree, package)), _plain(tree)


def _plain(tree: ast.AST) -> str:
    """Code without docstrings, comments and layout."""
    for node in [tree, *_statements(tree)]:
        if hasattr(node, "body"):
            node.body = [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    return ast.dump(tree)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a tree, without what they are made of: `ast.walk` would take three times as long."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for statement in getattr(node, field, ()):
            yield statement
            yield from _statements(statement)


def _source(module: str) -> Path | None:
    """File of a module of the four packages, found without importing the packages it lies in."""
    top, *rest = module.split(".")
    if top not in PACKAGES:
        return None
    path = Path(importlib.util.find_spec(top).origin).parent.joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _versions(names: set[str]) -> dict[str, str]:
    """Version of each installed distribution by which these can be imported, without a local part such as +cpu."""
    found = {one for name in names for one in _distributions().get(name, ())}
    return {one: _version(one).partition("+")[0] for one in sorted(found)}


_distributions, _version = functools.cache(metadata.packages_distributions), functools.cache(metadata.version)
