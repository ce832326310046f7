"""What leads readers to a page: its description for search engines and cards, and the text of its sections for the book's own search."""

from __future__ import annotations

import html
from textwrap import shorten

from docutils import nodes


def texts(doctree: nodes.document) -> dict[str, str]:
    """The prose of a page by the anchors of its sections, of the first one under ""."""
    found: dict[str, str] = {}
    for block in doctree.findall(nodes.TextElement):
        if not isinstance(block, (nodes.paragraph, nodes.caption)) or isinstance(block.parent, nodes.entry):
            continue
        if any("run-line" in child.get("classes", ()) for child in block.findall(nodes.inline)):
            continue  # what run the page is of
        section = block.parent
        while section and not isinstance(section, nodes.section):
            section = section.parent
        top = not section or isinstance(section.parent, nodes.document)
        anchor = "" if top else f"#{section['ids'][0]}"
        found[anchor] = f"{found.get(anchor, '')} {block.astext()}".strip()
    return found


def meta(title: str, text: str, picture: str) -> str:
    """Elements of a page's head: its description, and what a social card shows."""
    description = shorten(text, 200, placeholder=" …")
    card = {"og:type": "article", "og:title": title, "og:description": description, "og:image": picture}
    lines = [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in card.items()]
    named = {"description": description, "twitter:card": "summary_large_image"}
    lines += [f'<meta name="{name}" content="{html.escape(value)}" />' for name, value in named.items()]
    return "\n".join(lines) + "\n"
