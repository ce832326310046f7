"""The explorer in a real browser: the map, its search, and those who use neither mouse nor screen."""

import base64
import math

import numpy as np
import pytest
from packed import EVIL, packed, unit

from bookmaking.explorer import packing, pixels
from bookmaking.explorer.figure import bokeh_script
from bookmaking.explorer.page import markup
from bookmaking.explorer.pixels import byte_neighbours

READY = ".explorer[data-ready]"
# Where a galaxy is drawn, in pixels of the window.
PLACE = """id => {
  const plot = Bokeh.documents.map(one => one.get_model_by_name("map")).find(Boolean);
  const {x, y} = plot.document.get_model_by_name("galaxies").data, row = explorerData.ids.indexOf(id);
  const box = document.querySelector(".ex-plot").getBoundingClientRect();
  const share = (value, {start, end}) => (value - start) / (end - start);
  return [box.left + plot.min_border + share(x[row], plot.x_range) * plot.inner_width,
          box.top + plot.min_border + (1 - share(y[row], plot.y_range)) * plot.inner_height];
}"""
GALAXIES = """name => Bokeh.documents[0].get_model_by_name("galaxies").data[name]"""


@pytest.fixture
def chapter(book, open_file):
    """The chapter of the smoke book, ready: the tab, what it complained of, and the data that it loaded."""
    tab, troubles = open_file(book.site / "html" / "notebooks" / "10_explorer.html")
    tab.wait_for_selector(READY)
    tab.locator(".ex-controls").first.evaluate("one => one.scrollIntoView({behavior: 'instant'})")
    return tab, troubles, packing.read_script((book.run / "explorer_data.js").read_text())


def standalone(folder, content):
    """A page that holds the explorer alone."""
    (folder / "explorer_data.js").write_text(packing.script(content))
    (folder / "bokeh.js").write_text(bokeh_script())
    page = folder / "index.html"
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Explorer</title>{markup(content, ".")}</html>'
    )
    return page


def selected(tab) -> str:
    return tab.locator("[data-part=detail] h2").inner_text().removeprefix("galaxy ")


def alone(tab, ids: list[str]) -> str:
    """A galaxy that no other is drawn over, and that is not the one selected at first."""
    places = np.array([tab.evaluate(PLACE, target) for target in ids])
    distance = np.hypot(*(places[:, None] - places).T)
    np.fill_diagonal(distance, np.inf)
    return ids[1 + int(distance.min(1)[1:].argmax())]


def expected(data: dict, target: str) -> dict[str, list[str]]:
    """What Python finds with the same bytes."""
    ids, row = np.array(data["ids"]), np.array([data["ids"].index(target)])
    small = {name: np.frombuffer(base64.b64decode(text), np.int8) for name, text in data["vectors"].items()}
    vectors = {name: values.reshape(len(ids), -1) for name, values in small.items()}
    return {
        f"{asked}_to_{gallery}": ids[byte_neighbours(vectors[asked], vectors[gallery], row, 10)[0][0]].tolist()
        for asked in vectors
        for gallery in vectors
    }


def found(tab) -> dict[str, list[str]]:
    return tab.evaluate("""() => Object.fromEntries([...document.querySelectorAll("[data-way]")].map(
        way => [way.dataset.way, [...way.querySelectorAll("button")].map(one => one.dataset.galaxy)]))""")


def test_loads_without_complaint_or_network(chapter):
    tab, troubles, data = chapter
    assert troubles == []
    assert len(tab.evaluate(GALAXIES, "x")) == len(data["ids"])
    options = tab.locator(".ex-controls select").first.locator("option")
    assert options.count() == len(data["numbers"]) + len(data["labels"])
    assert "Mock survey" in tab.locator(".explorer").inner_text()


def test_a_click_searches_as_python_does_in_all_directions(chapter):
    tab, troubles, data = chapter
    target = alone(tab, data["ids"])
    tab.mouse.click(*tab.evaluate(PLACE, target))
    assert selected(tab) == target and tab.evaluate("location.hash") == f"#galaxy={target}"
    assert found(tab) == expected(data, target)
    assert all(target not in way for way in found(tab).values())
    other = tab.locator("[data-way=image_to_spectrum] button").nth(2)
    wanted = other.get_attribute("data-galaxy")
    other.click()
    assert selected(tab) == wanted and found(tab) == expected(data, wanted)
    assert troubles == []


def test_colours_and_maps_change(chapter):
    tab, troubles, data = chapter
    by_redshift, x = tab.evaluate(GALAXIES, "colour"), tab.evaluate(GALAXIES, "x")
    assert len(set(by_redshift)) > 10
    tab.get_by_label("colour").select_option(label="morphology")
    morphology = next(column for column in data["labels"] if column["label"] == "morphology")
    assert len(set(tab.evaluate(GALAXIES, "colour"))) == len(morphology["names"])
    legend = tab.locator(".ex-legend").inner_text()
    assert all(name in legend for name in morphology["names"])
    tab.get_by_label("spectrum", exact=True).check()
    assert tab.evaluate(GALAXIES, "x") == data["maps"]["spectrum"]["x"] != x
    assert troubles == []


def test_hover_shows_a_galaxy_and_leaves_the_selection(chapter):
    tab, troubles, data = chapter
    before, target, card = selected(tab), alone(tab, data["ids"]), tab.locator(".ex-card")
    assert not card.is_visible()
    tab.mouse.move(*tab.evaluate(PLACE, target))
    card.wait_for()
    assert target in card.inner_text() and "redshift" in card.inner_text()
    assert card.locator("polyline").count() == 1 and card.locator(".ex-line").count() >= 3
    picture = card.locator(".ex-thumbnail").evaluate("one => getComputedStyle(one).backgroundImage")
    assert picture.startswith('url("blob:')
    assert selected(tab) == before
    tab.keyboard.press("Escape")
    assert not card.is_visible()
    assert troubles == []


def test_a_tap_selects(book, browser):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto((book.site / "html" / "notebooks" / "10_explorer.html").as_uri())
    tab.wait_for_selector(READY)
    tab.locator(".ex-plot").evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    target = alone(tab, tab.evaluate("explorerData.ids"))
    tab.touchscreen.tap(*tab.evaluate(PLACE, target))
    tab.wait_for_function("id => document.querySelector('[data-part=detail] h2').textContent.endsWith(id)", arg=target)
    context.close()


def test_lines_stand_at_their_observed_wavelengths(chapter):
    tab, _, data = chapter
    row, spectra = data["ids"].index(selected(tab)), data["spectra"]
    last = spectra["first"] + spectra["step"] * (spectra["bins"] - 1)
    observed = [rest * (1 + data["redshift"][row]) for line in data["lines"].values() for rest in line]
    share = sorted((one - spectra["first"]) / (last - spectra["first"]) for one in observed)
    drawn = tab.locator("[data-part=detail] .ex-line").evaluate_all(
        "all => all.map(one => (one.getAttribute('x1') - 34) / 304)"
    )
    np.testing.assert_allclose(sorted(drawn), [one for one in share if 0 < one < 1], atol=0.002)


def test_the_keyboard_reaches_everything(chapter):
    tab, troubles, data = chapter
    tab.locator(".ex-map").focus()
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = data["ids"].index(selected(tab))
    points = np.array([data["maps"]["joint"]["x"], data["maps"]["joint"]["y"]])
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowUp", 1, 1), ("ArrowLeft", 0, -1), ("ArrowDown", 1, -1)):
        step = points - points[:, before, None]
        inside = (sign * step[axis] > 0) & (np.abs(step[1 - axis]) <= sign * step[axis])
        tab.keyboard.press(key)
        after = data["ids"].index(selected(tab))
        assert after == (np.where(inside, np.hypot(*step), np.inf).argmin() if inside.any() else before)
        before = after
    assert found(tab) == expected(data, data["ids"][before])
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.galaxy") == found(tab)["image_to_image"][0]
    tab.keyboard.press("Enter")
    assert selected(tab) == expected(data, data["ids"][before])["image_to_image"][0]
    assert tab.evaluate("document.activeElement.textContent").startswith("Nearest to galaxy ")  # the focus is not lost
    scale = "() => { const {start, end} = Bokeh.documents[0].get_model_by_name('across'); return end - start; }"
    wide = tab.evaluate(scale)
    tab.locator(".ex-map").press("+")
    assert tab.evaluate(scale) == pytest.approx(0.7 * wide)
    assert troubles == []


def test_a_lasso_shows_galaxies_and_how_they_differ(chapter):
    tab, troubles, data = chapter
    tab.get_by_label("lasso").check()
    box = tab.locator(".ex-plot").bounding_box()
    middle, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 0.3 * box["width"]
    places = np.array([tab.evaluate(PLACE, target) for target in data["ids"]])
    corners = [
        (middle[0] + radius * math.cos(a), middle[1] + radius * math.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)
    ]
    tab.mouse.move(*corners[0])
    tab.mouse.down()
    for corner in corners[1:]:
        tab.mouse.move(*corner)
    tab.mouse.up()
    panel = tab.locator("[data-part=selection]")
    inside = np.hypot(*(places - middle).T) < radius
    number = int(panel.locator("h2").inner_text().split(": ")[1].split(" ")[0])
    assert 0 < number and abs(number - inside.sum()) <= 2
    assert panel.locator(".ex-histogram").count() == len(data["numbers"])
    assert panel.locator("table").count() == len(data["labels"])
    assert panel.locator(".ex-found button").count() == min(number, 40)
    panel.get_by_role("button", name="Clear selection").click()
    assert panel.locator("h2").count() == 0
    assert troubles == []


def test_the_key_chooses_without_a_lasso(chapter):
    tab, _, data = chapter
    tab.get_by_role("button", name="highest tenth").press("Enter")
    highest = np.sort(data["redshift"])[-math.ceil(0.1 * len(data["ids"])) :]
    assert f"redshift, highest tenth: {len(highest)} of" in tab.locator("[data-part=selection] h2").inner_text()


def test_links_lead_to_a_galaxy(chapter, book):
    tab, troubles, data = chapter
    target = data["ids"][7]
    tab.evaluate("hash => { location.hash = hash; }", f"galaxy={target}")
    tab.wait_for_function("id => document.querySelector('[data-part=detail] h2').textContent.endsWith(id)", arg=target)
    tab.evaluate("location.hash = 'galaxy=5'")
    tab.wait_for_function("document.querySelector('[data-part=status]').textContent.includes('There is no galaxy 5')")
    assert selected(tab) == target
    tab.evaluate("id => { location.hash = `galaxy=${id}`; }", data["ids"][9])
    tab.reload()
    tab.wait_for_selector(READY)
    assert selected(tab) == data["ids"][9]
    assert troubles == []


def test_the_table_holds_all_galaxies(chapter):
    tab, troubles, data = chapter
    table = tab.locator("[data-part=table]")
    assert table.locator("tbody tr").count() == min(50, len(data["ids"]))
    table.locator("summary").click()
    seen = []
    while True:
        seen += table.locator("tbody th").all_inner_texts()
        if not table.get_by_role("button", name="Next page").is_enabled():
            break
        table.get_by_role("button", name="Next page").click()
    assert sorted(seen) == sorted(data["ids"])
    assert seen[0] == data["ids"][int(np.argmin(data["redshift"]))]
    table.locator("tbody tr").first.locator("a").first.click()
    tab.wait_for_function("id => location.hash === `#galaxy=${id}`", arg=table.locator("tbody th").first.inner_text())
    assert troubles == []


def test_without_scripts_there_is_the_table(book, browser):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((book.site / "html" / "notebooks" / "10_explorer.html").as_uri())
    assert "need JavaScript" in tab.locator(".explorer").inner_text()
    tab.locator("summary", has_text="Table of galaxies").click()
    assert tab.locator(".explorer tbody tr").first.is_visible()
    assert not tab.locator(".ex-map").is_visible()
    context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_texts_stand_out(chapter, mode):
    """WCAG AA: a contrast of 4.5, of 3 for what is not text."""
    tab, _, _ = chapter
    tab.evaluate("mode => { document.documentElement.dataset.theme = mode; }", mode)
    tab.get_by_role("button", name="highest tenth").click()
    contrast = """selector => {
      const known = {};  // thousands of cells share a few colours
      const numbers = colour => known[colour] ??= (() => {
        const brush = document.createElement("canvas").getContext("2d");
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data];
      })();
      const linear = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
      return Math.min(...[...document.querySelectorAll(selector)].map(one => {
        let ground = one;
        while (numbers(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
        const style = getComputedStyle(one), drawn = one.closest("svg") ? style.fill : style.color;
        const ink = style.stroke !== "none" ? style.stroke : drawn;
        const [a, b] = [light(numbers(ink)), light(numbers(getComputedStyle(ground).backgroundColor))].sort((p, q) => q - p);
        return (a + 0.05) / (b + 0.05);
      }));
    }"""
    texts = [
        "p",
        "label",
        "legend",
        "button",
        "dt",
        "dd",
        "h2",
        "h3",
        "figcaption",
        "text",
        "td",
        "th",
        ".ex-found",
        "a",
    ]
    for selector in texts:
        assert tab.evaluate(contrast, f".explorer {selector}:not([aria-hidden])") >= 4.5, selector
    for selector in (".ex-flux", ".ex-line", ".ex-axis", ".ex-chosen"):
        assert tab.evaluate(contrast, f".explorer {selector}") >= 3, selector


def test_a_phone_shows_it_within_its_width(chapter):
    tab, troubles, _ = chapter
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.get_by_role("button", name="highest tenth").click()
    tab.locator("[data-part=table] summary").click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.locator(".ex-plot").bounding_box()["width"] > 300
    assert troubles == []


def test_a_wheel_scrolls_past_the_map_until_it_is_meant(chapter):
    tab, troubles, data = chapter
    scale = "() => { const {start, end} = Bokeh.documents[0].get_model_by_name('across'); return end - start; }"
    wide, top = tab.evaluate(scale), tab.evaluate("scrollY")
    target = alone(tab, data["ids"])
    tab.mouse.move(*tab.evaluate(PLACE, target))
    tab.mouse.wheel(0, 40)
    tab.wait_for_function("top => scrollY > top", arg=top)
    assert tab.evaluate(scale) == wide
    tab.mouse.move(*tab.evaluate(PLACE, target))
    tab.mouse.click(*tab.evaluate(PLACE, target))
    top = tab.evaluate("scrollY")
    tab.mouse.wheel(0, -40)
    tab.wait_for_function(f"wide => ({scale})() < wide", arg=wide)
    assert tab.evaluate("scrollY") == top
    assert troubles == []


def test_the_frame_has_the_shape_of_its_map(open_file, tmp_path):
    content = packed()
    flat = {"x": [10 * x for x in content["maps"]["joint"]["x"]], "y": content["maps"]["joint"]["y"]}
    tab, _ = open_file(standalone(tmp_path, {**content, "maps": {**content["maps"], "joint": flat}}))
    tab.wait_for_selector(READY)
    tab.wait_for_function("() => { const plot = Bokeh.documents[0].get_model_by_name('map');"
                          " return plot.inner_height < 0.7 * plot.inner_width; }")  # fmt: skip
    scales = tab.evaluate("""() => {
      const plot = Bokeh.documents[0].get_model_by_name("map"), range = ({start, end}) => end - start;
      return [plot.inner_width / range(plot.x_range), plot.inner_height / range(plot.y_range)];
    }""")
    assert scales[0] == pytest.approx(scales[1], rel=0.02)


def test_labels_from_files_stay_text(open_file, tmp_path):
    content = packed(source=EVIL)
    tab, troubles = open_file(standalone(tmp_path, content))
    tab.on("dialog", lambda dialog: troubles.append(dialog.message))
    tab.wait_for_selector(READY)
    tab.get_by_label("colour").select_option(label="morphology")
    tab.get_by_role("button", name="spiral").click()
    shown = tab.locator(".ex-legend button").first.text_content()
    assert "</script><script>alert(1)</script>&" in shown
    assert troubles == []


def test_two_thousand_galaxies_are_there_in_seconds(open_file, tmp_path):
    n = 2000
    rng = np.random.default_rng(0)
    blob = np.exp(-np.hypot(*np.mgrid[-36:36, -36:36])[..., None] / rng.uniform(2, 9, (n, 1, 1, 1)))
    light = 200 * blob * rng.uniform(0.3, 1, (n, 1, 1, 3)) + rng.normal(20, 6, (n, 72, 72, 1))
    tiles = np.clip(light, 0, 255).astype(np.uint8)
    levels, windows = rng.integers(0, 255, (n, pixels.BINS), np.uint8), np.tile([0.0, 1.0], (n, 1))
    vectors = {"image": unit(n, 128), "spectrum": unit(n, 128, seed=1)}
    page = standalone(tmp_path, packed(n, vectors=vectors, small=(tiles, levels, windows)))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size < 15e6 / 2  # and twice as many, the most, below 15 MB
    tab, troubles = open_file(page)
    tab.wait_for_selector(READY)
    assert tab.evaluate("performance.now()") < 3000
    assert troubles == []
