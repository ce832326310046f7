"""A Sphinx extension: what the theme's pages lack, and what they have too much of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx_design.shared import create_component

from bookmaking.site import finding, pictures

PDF = "astroclip-book.pdf"  # among the static files, when it has been printed
MATHJAX = "tex-chtml.js", "input/tex/extensions", "output/chtml/fonts"  # what pages load of it
TABLE = re.compile(r'(<div class="pst-scrollable-table-container)("><table.*?</thead>)', re.DOTALL)
TEXTS: dict[str, dict[str, str]] = {}  # of each page, for its search


class _Mark(nodes.Element):
    """Where a fold or a tab of a section begins, or both end."""


class _Begin(SphinxDirective):
    """What follows in the section, cells included, is folded under this sentence or lies behind this tab."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        title, messages = self.state.inline_text(self.arguments[0], self.lineno)
        return [_Mark("", nodes.rubric(self.arguments[0], "", *title), kind=self.name), *messages]


class _End(SphinxDirective):
    """What follows is neither folded nor behind a tab."""

    def run(self) -> list[nodes.Node]:
        return [_Mark(kind="end")]


class _Gather(SphinxTransform):
    """Put what follows a mark into sphinx-design's dropdown or tab, whose own directives cannot hold cells, and each exercise behind a tab."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        for exercise in [*self.document.findall(nodes.admonition)]:
            kind, _, rest = exercise[0].astext().partition(":")
            if kind.startswith("Exercise "):
                label = f"{kind} {'★' * rest.count('★')}"
                mark = _Mark("", nodes.rubric(label, "", nodes.Text(label)), kind="tab")
                exercise.parent.insert(exercise.parent.index(exercise), mark)
        for section in {mark.parent: None for mark in self.document.findall(_Mark)}:
            kept = place = []
            tabs = None
            for child in section.children:
                kind = child["kind"] if isinstance(child, _Mark) else None
                if kind == "end" or isinstance(child, nodes.section):
                    place, tabs = kept, None
                if kind is None:
                    place.append(child)
                elif kind == "fold":
                    look = {"opened": False, "type": "dropdown", "has_title": True, "icon": None, "chevron": None}
                    look |= {"container_classes": ["sd-mb-3"], "title_classes": [], "body_classes": []}
                    kept.append(place := create_component("dropdown", children=child.children, **look))
                    tabs = None
                elif kind == "tab":
                    if tabs is None:
                        kept.append(tabs := create_component("tab-set", classes=["sd-tab-set"]))
                    child[0]["classes"] = ["sd-tab-label"]
                    place = create_component("tab-content", classes=["sd-tab-content"])
                    tabs += create_component("tab-item", classes=["sd-tab-item"], children=[child[0], place])
            section.children = []
            section.extend(kept)


def setup(app) -> dict:
    """Called by Sphinx."""
    app.add_node(_Mark)
    app.add_directive("fold", _Begin)
    app.add_directive("tab", _Begin)
    app.add_directive("end", _End)
    app.add_transform(_Gather)
    app.connect("html-page-context", _mend, priority=900)  # after the theme has put its buttons there
    app.connect("build-finished", _lighten, priority=900)  # after MathJax has been put there
    return {"parallel_read_safe": True, "parallel_write_safe": False}  # the texts of all pages make one file


def _mend(app, pagename, templatename, context, doctree) -> None:
    # docutils gives entries of a bibliography a role that ARIA has withdrawn; inside a list, screen readers then find no items.
    body = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    sources = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}
    body = pictures.mend(body, app.builder.name, sources)
    # Figures and wide tables reach into the margin; of this class the theme knows that the contents there have to make way.
    body = body.replace('<figure class="', '<figure class="full-width ')
    context["body"] = TABLE.sub(lambda found: found[1] + " full-width" * (found[2].count("<th") > 5) + found[2], body)
    if doctree and app.builder.name == "html":
        texts = TEXTS[pagename] = finding.texts(doctree)
        picture = context["pathto"]("_static/result.png", 1)
        context["metatags"] += finding.meta(context["title"], " ".join(texts.values()), picture)
    if pagename == "search":
        app.add_js_file("search_texts.js", priority=900)
    downloads = [one for one in context.get("header_buttons", []) if one.get("label") == "download-buttons"]
    if downloads and (Path(app.srcdir) / "book" / "static" / PDF).is_file():
        text = {"text": "The whole book, .pdf", "tooltip": "Download the book as PDF", "icon": "fas fa-book"}
        downloads[0]["buttons"].append({"type": "link", "url": context["pathto"](f"_static/{PDF}", 1), **text})


def _lighten(app, exception) -> None:
    """Write what the search shows, and take out of the finished site what no reader loads: two thirds of it."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    (site / "_static" / "search_texts.js").write_text(f"const TEXTS = {json.dumps(TEXTS)};", encoding="utf-8")
    pictures.convert(site / "_images", app.builder.name)
    mathjax = site / "_static" / "mathjax"
    kept = {file for place in MATHJAX for file in [mathjax / place, *(mathjax / place).rglob("*")]}
    unused = *mathjax.rglob("*"), *site.glob("_static/**/*.map"), *site.glob("_static/vendor/**/*.ttf")
    for path in {*unused} - kept:
        if path.is_file():
            path.unlink()
    for path in site.glob("_sources/**/*.ipynb"):  # to be executed: the page shows what comes out
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
