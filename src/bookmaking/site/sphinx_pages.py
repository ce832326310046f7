"""A Sphinx extension: what the theme's pages lack."""

from __future__ import annotations

from pathlib import Path

PDF = "astroclip-book.pdf"  # among the static files, when it has been printed


def setup(app) -> dict:
    """Called by Sphinx."""
    app.connect("html-page-context", _mend, priority=900)  # after the theme has put its buttons there
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mend(app, pagename, templatename, context, doctree) -> None:
    # docutils gives entries of a bibliography a role that ARIA has withdrawn; inside a list, screen readers then find no items.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    downloads = [one for one in context.get("header_buttons", []) if one.get("label") == "download-buttons"]
    if downloads and (Path(app.srcdir) / "book" / "static" / PDF).is_file():
        text = {"text": "The whole book, .pdf", "tooltip": "Download the book as PDF", "icon": "fas fa-book"}
        downloads[0]["buttons"].append({"type": "link", "url": context["pathto"](f"_static/{PDF}", 1), **text})
