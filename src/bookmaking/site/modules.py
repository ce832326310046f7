"""Pages of the packages: their modules, described from the docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

NOT_LISTED = {"figures", "explorer", "site"}  # book/package.md says what they are
MODULE = "\n## {name}\n\n```{{fold}} {summary}\n```\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n```\n"


def add_module_pages(book: Path, sources: Path, toc: dict) -> None:
    """Describe the modules of each package that has a page in the table of contents: on this page, and those of a folder on one of its own."""
    pages = [page for part in toc.get("parts", []) for page in part["chapters"]]
    for page in (page for page in pages if Path(page["file"]).parent.name == "package"):
        package, target = sources / Path(page["file"]).name, book / "package" / Path(page["file"]).name
        folders = [path.parent for path in sorted(package.glob("*/__init__.py")) if path.parent.name not in NOT_LISTED]
        page["sections"] = [{"file": f"{page['file']}/{folder.name}"} for folder in folders]
        own = target.with_suffix(".md").read_text(encoding="utf-8") + "\n"
        for folder in folders:
            own += f"- [{package.name}.{folder.name}]({package.name}/{folder.name}.md): {_summary(folder / '__init__.py')}\n"
            target.mkdir(exist_ok=True)
            title = f"# {package.name}.{folder.name}\n\n{_summary(folder / '__init__.py')}\n"
            (target / f"{folder.name}.md").write_text(title + _modules(folder, sources), encoding="utf-8")
        target.with_suffix(".md").write_text(own + _modules(package, sources), encoding="utf-8")


def _modules(folder: Path, sources: Path) -> str:
    text = ""
    for path in sorted(folder.glob("*.py")):
        if not path.stem.startswith("__"):
            package, *parts = path.relative_to(sources).with_suffix("").parts
            summary = _summary(path).replace("`", "")  # the title of a fold is plain text
            text += MODULE.format(package=package, name=".".join(parts), summary=summary)
    return text


def _summary(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]
