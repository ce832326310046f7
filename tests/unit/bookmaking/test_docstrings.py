"""What a newcomer reads: every public name says what it is, and which errors it raises."""

import ast

import pytest

from bookmaking.presets import ROOT

PACKAGE = ROOT / "src"
FILES = sorted(PACKAGE.rglob("*.py"))


def public(tree: ast.AST) -> list[ast.AST]:
    """Public functions and classes, and methods of these."""
    nodes = [one for one in tree.body if isinstance(one, (ast.FunctionDef, ast.ClassDef)) and one.name[0] != "_"]
    return nodes + [one for node in nodes if isinstance(node, ast.ClassDef) for one in public(node)]


def raises(node: ast.AST) -> bool:
    """Whether a function itself raises BookError; functions defined in it do not count."""
    inner = [one for one in ast.iter_child_nodes(node) if not isinstance(one, (ast.FunctionDef, ast.Lambda))]
    here = isinstance(node, ast.Raise) and getattr(getattr(node.exc, "func", None), "id", "") == "BookError"
    return here or any(map(raises, inner))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_are_there_and_name_the_error(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    for node in public(tree):
        text = ast.get_docstring(node)
        assert text, f"{node.name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            assert not raises(node) or "BookError" in text, f"{node.name} raises BookError, and does not say when"
