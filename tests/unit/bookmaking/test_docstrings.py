"""What a newcomer reads: every public name says what it is, docstrings are true to signatures, and no file is left out."""

import ast
import re
from pathlib import Path

import pytest

from bookmaking.presets import ROOT

PACKAGE = ROOT / "src"
FILES = sorted(PACKAGE.rglob("*.py"))
NOT_LISTED = {"figures", "steps", "explorer", "__init__", "__main__"}  # book/package.md says what they are


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def public(tree: ast.Module) -> list[tuple[ast.AST, bool]]:
    """Public functions and classes, and whether they belong to a class."""
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            found.append((node, False))
            if isinstance(node, ast.ClassDef):
                methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
                found += [(one, True) for one in methods if not one.name.startswith("_")]
    return found


def parameters(node: ast.FunctionDef, method: bool) -> list[str]:
    given = node.args
    names = [one.arg for one in given.posonlyargs + given.args]
    bound = method and not any(getattr(one, "id", "") == "staticmethod" for one in node.decorator_list)
    names = names[1:] if bound else names
    names += [f"*{given.vararg.arg}"] if given.vararg else []
    names += [one.arg for one in given.kwonlyargs]
    return names + ([f"**{given.kwarg.arg}"] if given.kwarg else [])


def section(docstring: str, title: str) -> list[str] | None:
    """The entries' heads of a section in numpy's manner, None where there is no such section."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", docstring, flags=re.MULTILINE)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    return [line for line in texts[title].splitlines() if line and line[0] != " "] if title in texts else None


def raises(node: ast.AST) -> bool:
    """Whether a function itself raises BookError; functions defined in it do not count."""
    inner = [one for one in ast.iter_child_nodes(node) if not isinstance(one, (ast.FunctionDef, ast.Lambda))]
    here = (
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") == "BookError"
    )
    return here or any(map(raises, inner))


def troubles(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    found = [] if ast.get_docstring(tree) else ["the module has no docstring"]
    for node, method in public(tree):
        text = ast.get_docstring(node)
        if not text:
            found.append(f"{node.name} has no docstring")
        elif isinstance(node, ast.FunctionDef):
            named, has = section(text, "Parameters"), parameters(node, method)
            told = [one.strip() for head in named or [] for one in head.split(" :")[0].split(",")]
            if named is not None and told != has:
                found.append(f"{node.name} has the parameters {has}, its docstring {told}")
            if raises(node) and "BookError" not in text:
                found.append(f"{node.name} raises BookError, of which its docstring says nothing")
    return found


@pytest.mark.parametrize("path", FILES, ids=name)
def test_docstrings_are_there_and_true(path):
    assert troubles(path) == []


def test_troubles_are_found(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(
        "def one(x, y):\n    '''One.\n\n    Parameters\n    ----------\n    x : int\n    '''\n    raise BookError('no')\n"
        "def two():\n    pass\n"
    )
    assert len(troubles(path)) == 4


def test_every_module_is_on_a_page_of_the_book():
    pages = "".join(page.read_text() for page in (ROOT / "book" / "package").glob("*.md"))
    listed = re.findall(r"automodule:: (\S+)", pages)
    wanted = [
        name(path).replace("/", ".")
        for path in FILES
        if not NOT_LISTED & set(path.relative_to(PACKAGE).with_suffix("").parts)
    ]
    assert sorted(listed) == sorted(wanted)
