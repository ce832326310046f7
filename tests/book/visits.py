"""What one visit to a page of the site tells: all that is asked of every page is collected while it is open."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
PAPER = 658  # pixels between the margins of A4
PHONE = 360
# Contrast takes axe the longest: of the explorer's table, whose rows are alike, and of the functions of a module it sees the first; the
# dark pass looks at colours alone, and not again at the bars around the page. It would load style sheets a second time where it is let to (`preload`).
AUDIT = """async dark => {
  const context = {include: [dark ? "main" : "html"], exclude: [".ex-scroll tbody tr + tr", "dl.py ~ dl.py"]};
  const rules = dark ? {runOnly: ["color-contrast", "link-in-text-block"]} : {};
  const {violations} = await axe.run(context, {resultTypes: ["violations"], preload: false, ...rules});
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""
# Axe checks the first word of each colour and background in code; to check all would take three times as long.
FIRST_WORDS = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("article .highlight pre span")) {
    const kind = `${word.className} ${getComputedStyle(word.closest("pre")).backgroundColor}`;
    if (!word.children.length && seen.has(kind)) word.style.visibility = "hidden";
    seen.add(kind);
  }
}"""
FACTS = """() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const text = one => one?.innerText.trim() ?? "";
  return {
    language: document.documentElement.lang,
    title: document.title,
    banner: text(document.querySelector(".bd-header-announcement")),
    headings: all("article :is(h1, h2, h3, h4, h5, h6)").map(one => Number(one.tagName[1])),
    formulas: all("mjx-merror").length,
    without_alt: all("img").filter(one => !one.naturalWidth || !one.alt.trim()).map(one => one.src),
    without_caption: all("article img").filter(one => !/^Fig\\. \\d+/.test(text(one.closest("figure")?.querySelector("figcaption"))))
      .map(one => one.src),
    without_header: all("article table").filter(one => !one.querySelector("th")).map(one => one.outerHTML.slice(0, 200)),
    without_copy: all("article .cell_input .highlight").filter(one => !one.querySelector(".copybtn")).length,
    ids: all("[id], a[name]").flatMap(one => [one.id, one.name]).filter(Boolean),
    links: all("a[href]").map(one => one.href),
  };
}"""
NEAR = """() => Promise.all([...document.images].map(one => { one.loading = "eager"; return one.decode().catch(() => {}); }))"""
ON_PAPER = """() => ({
  bars: [...document.querySelectorAll(".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer")]
    .filter(one => one.checkVisibility()).map(one => one.className),
  cut: [...document.querySelectorAll("article pre, article table")].filter(one => one.checkVisibility())
    .filter(one => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map(one => one.innerText.slice(0, 200)),
})"""


@dataclass(frozen=True)
class Visit:
    """What was seen."""

    troubles: list[str]  # complaints of the browser, requests to the network
    facts: dict
    barriers: dict[str, list[str]]  # by mode, what axe finds serious or critical
    phone_width: int
    paper: dict


def watched(browser):
    """A tab, and the list of what the browser complains of and asks the network for in it."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    troubles = []
    tab.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    tab.on("request", lambda request: request.url.startswith("http") and troubles.append(f"network: {request.url}"))
    return tab, troubles


def visit(tab, troubles: list[str], page: Path) -> Visit:
    """Open a page in a tab that adds to ``troubles``, and look at it in light and dark, on a phone and on paper."""
    troubles.clear()
    tab.emulate_media(media="screen")
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.goto(page.as_uri(), wait_until="load")
    tab.wait_for_function(
        "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
    )
    tab.evaluate("() => document.fonts.ready")
    tab.evaluate(NEAR)  # pictures that are loaded when somebody comes near
    # Colours are measured at once after a change of mode, and after what was folded unfolds.
    tab.add_style_tag(content="* { animation: none !important; transition: none !important; }")
    tab.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    tab.evaluate(FIRST_WORDS)
    tab.evaluate(AXE)
    barriers = {}
    for mode in ("light", "dark"):
        tab.evaluate("mode => { document.documentElement.dataset.theme = mode; }", mode)
        barriers[mode] = tab.evaluate(AUDIT, mode == "dark")
    facts = tab.evaluate(FACTS)
    tab.set_viewport_size({"width": PHONE, "height": 800})
    phone_width = tab.evaluate("document.documentElement.scrollWidth")
    tab.set_viewport_size({"width": PAPER, "height": 900})
    tab.emulate_media(media="print")
    return Visit(list(troubles), facts, barriers, phone_width, tab.evaluate(ON_PAPER))
