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
    if (Path(app.srcdir) / "book" / "static" / PDF).is_file():
        _add_pdf(context)


def _add_pdf(context: dict) -> None:
    """Offer the whole book among the downloads of a page."""
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            url = context["pathto"](f"_static/{PDF}", 1)
            text = {"text": "The whole book, .pdf", "tooltip": "Download the book as PDF"}
            group["buttons"].append({"type": "link", "url": url, "icon": "fas fa-book", **text})
