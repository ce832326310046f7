"""Figures say where their data come from and what they show; tables and numbers are written alike."""

import ast
import io
import json
import re
from types import SimpleNamespace

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

matplotlib.use("Agg")

from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH
from astroclip_book.errors import BookError
from bookmaking import verify
from bookmaking.execution import chapters
from bookmaking.figures import galaxies, light, sky, tables
from bookmaking.figures.galaxies import OFFSET, SCALES, SOFTENING, rgb, stack
from bookmaking.figures.style import as_png, drawing
from bookmaking.presets import ROOT
from mock_survey import sed

FIGURES = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "bookmaking" / "figures").glob("*.py")]
FUNCTIONS = [node for text in FIGURES for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
DRAWN = {one.name for one in FUNCTIONS if re.search(r"return figure$", ast.unparse(one)) and one.name != "drawing"}


def test_every_function_that_makes_a_figure_stamps_its_source():
    assert len(DRAWN) > 20
    assert {one.name for one in FUNCTIONS if "drawing" in map(ast.unparse, one.decorator_list)} == DRAWN


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_figures_of_a_chapter_have_words_and_the_source_of_their_run(chapter):
    for cell in jupytext.read(chapter).cells:
        shown = cell.metadata.get("mystnb", {})
        if "figure" in shown:
            assert shown["figure"]["name"].startswith("fig-") and shown["figure"]["caption"] and shown["image"]["alt"]
        for call in ast.walk(ast.parse(cell.source if cell.cell_type == "code" else "")):
            if isinstance(call, ast.Call) and ast.unparse(call.func).removeprefix("figures.") in DRAWN:
                given = {one.arg: ast.unparse(one.value) for one in call.keywords}
                # A name `source` is made of run.source, and of a reader's files; chapter 01 simulates a galaxy for any run.
                named = {"run.source", "source", "'stellar templates of kcorrect'", "'mock survey'"}
                named.add("'mock survey; real spectra: DESI'")  # chapter 08 shows runs that were measured on both
                assert given.get("source") in named, cell.source


def test_a_drawing_bears_its_source_and_is_not_shown_twice():
    @drawing
    def empty():
        return plt.subplots()[0]

    figure = empty(source="real data: desi")
    assert [text.get_text() for text in figure.texts] == ["real data: desi"]
    assert figure.dpi >= 200 and not plt.get_fignums()
    with pytest.raises(TypeError, match="source"):
        empty()


def test_rgb_puts_bands_in_their_colours_and_in_range():
    red, green, blue = rgb(np.array([0, 0, 0.02]))
    assert red > green == blue
    assert (rgb(np.full((4, 4, 3), 1e4)) == 1).all()
    # Faint light is stretched linearly, by the root of the softening.
    assert rgb(np.array([1e-4, 0, 0]))[2] == pytest.approx((1e-4 * SCALES[0] + OFFSET) * SOFTENING**0.5, rel=0.1)


def test_a_stack_brings_a_line_to_rest_and_leaves_out_what_few_galaxies_reach():
    z = np.linspace(0.05, 0.4, 20)
    flux = np.ones((20, N_WAVELENGTH))
    flux[np.arange(20), np.abs(WAVELENGTH - 4000 * (1 + z[:, None])).argmin(1)] += 1000
    rest = np.arange(3500.0, 4500.0, 8.0)
    assert abs(rest[np.nanargmax(stack(flux, z, rest))] - 4000) <= 8
    result = stack(np.ones((4, N_WAVELENGTH)), np.array([0.0, 0.0, 0.0, 0.5]), np.arange(2500.0, 5000.0, 8.0))
    assert np.isnan(result[0]) and np.isfinite(result[-1])


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_a_sample_says_which_galaxies_have_no_magnitude(share):
    """As those whose flux came out 0, or negative."""
    rng = np.random.default_rng(0)
    catalog = {name: rng.normal(18, 1, 100) for name in ("MAG_G", "MAG_R", "LOG_MSTAR")}
    catalog["MAG_R"][: int(100 * share)] = np.nan
    figure = galaxies.population(0.2 + 0.01 * rng.random(100), catalog, source="any")
    assert figure.axes[1].get_title() == f"{100 * share:.0f} without a magnitude"


@pytest.mark.parametrize("n", [0, 50])
def test_a_relation_without_near_galaxies_says_so(n):
    rng = np.random.default_rng(0)
    near, mass = rng.normal(size=(2, n)), rng.normal(10, 1, 100)
    relations = {"mass_to_light_of_colour": near, "log_sfr_of_mass": (mass, mass - 10)}
    figure = sky.scaling_relations(relations, {}, source="any")
    assert ("no galaxy of this run" in [text.get_text() for text in figure.axes[0].texts]) == (n == 0)


def test_the_kinds_of_galaxies_shown_have_the_colours_of_their_sequences():
    # Baldry et al. (2004), rest-frame SDSS g - r.
    assert sed.colour(light.mixture(True))[0] == pytest.approx(0.76, abs=0.06)
    assert sed.colour(light.mixture(False))[0] == pytest.approx(0.42, abs=0.08)


def test_numbers_have_true_minus_signs_and_dashes_where_there_are_none(monkeypatch):
    assert tables.interval({"r2": 0.5, "r2_ci95": [-0.25, 0.75]}, form=".2f") == "0.50 [−0.25, 0.75]"
    assert tables.interval({"auc": 0.5}, "auc") == "0.500" and tables.interval({}) == "–"
    text = tables.table(["", "a", "b"], [["row", -0.25, None], ["other", 1234, np.nan]]).data
    assert "| row | −0.250 | – |" in text and "| other | 1,234 | – |" in text
    glued, metrics = {}, {"scale": {"2.74": {"r2": -0.125, "r2_ci95": [-0.25, 0.5]}}}
    monkeypatch.setattr(tables, "glue", lambda name, text, display: glued.update({name: text}))
    places = {"known": "scale/2.74/r2", "high": "scale/2.74/r2_ci95/1", "no": "scale/15.5/r2"}
    tables.glue_numbers(metrics, places, ".3f")
    assert glued == {"known": "−0.125", "high": "0.500", "no": "–"}


def test_outcomes_stand_beside_the_committed_runs_and_a_missing_number_is_a_dash(tmp_path, monkeypatch):
    committed = tmp_path / "laptop.json", tmp_path / "other.json"
    for path, value in zip(committed, (-0.25, 0.125), strict=True):
        path.write_text(json.dumps({"metrics": {}, "not_compared": {"a.b c.r2": value}}), encoding="utf-8")
    monkeypatch.setattr(verify, "COMMENTED", committed)
    run = SimpleNamespace(metrics={"a": {"b c": {"r2": 0.5, "r2_ci95": [-0.5, 0.625]}}})
    text = tables.outcomes_table(run, [("one", "a/b c/r2"), ("two", "a/x/r2")]).data
    assert "| one | 0.500 [−0.500, 0.625] | −0.250 | 0.125 |" in text and "| two | – | – | – |" in text
    committed[1].unlink()
    with pytest.raises(BookError, match="other.json is missing"):
        tables.outcomes_table(run, [])


@pytest.mark.parametrize("path", verify.COMMENTED, ids=lambda path: path.parent.name)
def test_places_of_outcomes_exist_in_the_committed_runs(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "notebooks").glob("*.md"))
    places = [one.replace("/", ".") for one in re.findall(r'^    \(r?".+", "(.+)"\),$', text, re.MULTILINE)]
    assert len(places) > 50
    # Whether there is an island of artefacts differs from run to run.
    certain = {place for place in places if not place.startswith("islands.")}
    assert not certain - set(content["metrics"] | content["not_compared"])


def test_a_figure_says_where_it_shows_galaxies():
    figure, (plot, photograph) = plt.subplots(1, 2, figsize=(4, 2))
    plot.plot([0, 1])
    photograph.imshow(np.full((8, 8, 3), [0.0, 0.0, 1.0]))
    picture = Image.open(io.BytesIO(as_png(figure)))
    ((left, top, right, bottom),) = json.loads(picture.info["Photographs"])
    blue = (np.asarray(picture.convert("RGB")) == [0, 0, 255]).all(-1)
    rows, columns = np.flatnonzero(blue.any(1)), np.flatnonzero(blue.any(0))
    found = np.array([left, right]) * picture.width, np.array([top, bottom]) * picture.height
    np.testing.assert_allclose(found, [columns[[0, -1]] + [0, 1], rows[[0, -1]] + [0, 1]], atol=3.5)
