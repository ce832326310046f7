"""Pages of the four packages: one for each module, made of its docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

NOT_LISTED = {"figures", "explorer", "__init__", "__main__"}  # book/package.md says what they are
PAGE = "# {name}\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n```\n"


def add_module_pages(book: Path, sources: Path, toc: dict) -> None:
    """Write a page for each module of the packages that have one in the table of contents, list them on this page and in the table."""
    pages = [page for part in toc.get("parts", []) for page in part["chapters"]]
    for page in (page for page in pages if Path(page["file"]).parent.name == "package"):
        package = Path(page["file"]).name
        page["sections"], lines = [], ["\n## Modules\n"]
        for path in sorted((sources / package).rglob("*.py")):
            place = path.relative_to(sources / package).with_suffix("")
            if NOT_LISTED & {*place.parts}:
                continue
            name, summary = ".".join(place.parts), ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            target = book / "package" / package / place.with_suffix(".md")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(PAGE.format(package=package, name=name), encoding="utf-8")
            page["sections"].append({"file": f"{page['file']}/{place.as_posix()}"})
            summary = summary.splitlines()[0].replace("``", "`")
            lines.append(f"- {{doc}}`{name} <{package}/{place.as_posix()}>`: {summary}")
        with (book / "package" / f"{package}.md").open("a", encoding="utf-8") as text:
            text.write("\n".join(lines) + "\n")
