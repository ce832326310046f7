"""The book as one PDF: all pages as one, printed by Chromium."""

from __future__ import annotations

import html
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from astroclip_book.errors import BookError
from bookmaking.presets import ROOT
from bookmaking.run import Run
from bookmaking.site.build import build_site, printed_book, run_jupyter_book, stage_site
from bookmaking.site.sphinx_pages import PDF

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOOTER = '<p style="width: 100%; text-align: center; font-size: 8px">{} · <span class="pageNumber"></span></p>'
MARGIN = {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}
SCALE = 0.8
WIDTH = (
    822  # pixels of a page between its margins at this scale: the explorer draws its map for the width that it finds
)
# Pages that have become one: links stay within it, those to citations past the footnotes that share their ids; the list of
# chapters leads to them; parts of it and of the explorer are no chapters.
TIDY = """() => {
  for (const one of document.querySelectorAll(".citation")) one.id = `citation-${one.id}`;
  for (const link of document.querySelectorAll("a.internal[href*='.html#id']")) link.href = link.hash.replace("#", "#citation-");
  for (const link of document.querySelectorAll("a[href*='.html#']")) if (link.protocol === "file:") link.href = link.hash;
  const chapters = document.querySelectorAll(".toctree-wrapper > section");
  const title = (chapter) => chapter.querySelector("h2").firstChild.textContent;
  const places = new Map([...chapters].map((one) => [title(one), `#${one.id}`]));
  for (const link of document.querySelectorAll("#jb-print-toc a")) link.href = places.get(link.textContent.trim());
  for (const one of document.querySelectorAll(".explorer :is(h2, h3), #jb-print-toc :is(h2, p)")) one.role = "presentation";
}"""
TWICE = re.compile(rb"/Title \((.+)\1\)")  # what Chromium writes into the outline for a heading that begins a page


def print_book(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Print the book of a run, unless its PDF is up to date, let the site offer it, and return it.

    Parameters
    ----------
    run : Run
        Its chapters are executed.
    output : Path
        As for :func:`bookmaking.site.build.build_site`; the site is built there too.
    root : Path
        The repository's directory.

    Raises
    ------
    BookError
        When there is no Chromium, or for the reasons of ``build_site``.
    """
    stage = stage_site(run, output / "source", root)
    target = printed_book(stage, output)
    if not target.is_file():
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            raise BookError(
                f"The PDF is printed by Chromium, and none of {', '.join(BROWSERS)} is here. Install one of them."
            )
        run_jupyter_book(stage, "singlehtml")
        for old in output.glob("*.pdf"):
            old.unlink()
        first = yaml.safe_load((stage / "_toc.yml").read_text())["root"]
        folder = stage / "_build" / "singlehtml"
        page = folder / "whole.html"  # addresses in it are seen from here, but for the explorer's
        page.write_text((folder / f"{first}.html").read_text().replace('src="../_static/', 'src="_static/'))
        with ThreadPoolExecutor(1) as alone:  # playwright works in no thread that already runs an event loop
            alone.submit(_print, browser, page, target).result()
    return build_site(run, output, root).parent / "_static" / PDF


def _print(browser: str, page: Path, target: Path) -> None:
    from playwright.sync_api import sync_playwright

    unfinished = target.with_suffix(".unfinished")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser)
        tab = chromium.new_page(viewport={"width": WIDTH, "height": 900})
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(page.as_uri(), wait_until="load")
        tab.wait_for_function(
            "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
        )
        tab.evaluate(TIDY)
        footer = FOOTER.format(html.escape(tab.locator(".bd-header-announcement").text_content().strip()))
        tab.pdf(path=unfinished, format="A4", scale=SCALE, margin=MARGIN, print_background=True, outline=True, tagged=True,
                display_header_footer=True, header_template="<p></p>", footer_template=footer)  # fmt: skip
        chromium.close()
    # As many bytes as before: the file says where each of its parts begins.
    once = TWICE.sub(lambda found: b"/Title (%s)" % found[1] + b" " * len(found[1]), unfinished.read_bytes())
    unfinished.write_bytes(once)
    os.replace(unfinished, target)
