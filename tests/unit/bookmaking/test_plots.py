"""Every figure is drawn, says what its axes are, and says where its data come from."""

import json
import re
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH, Index, Pairs, create_pairs, index_pairs, open_rows
from astroclip_book.errors import BookError
from astroclip_book.evaluate.search import four_directions
from bookmaking import figures as plots
from bookmaking import verify
from bookmaking.figures import few_labels, light, outcomes, space, tables
from bookmaking.figures.galaxies import OFFSET, SCALES, SOFTENING
from bookmaking.figures.spectra import stack
from bookmaking.presets import ROOT
from mock_survey.galaxies import sed

N = 60
SOURCE = "mock survey"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A file of noise with a bright dot in each image and a line in each spectrum."""
    path = tmp_path_factory.mktemp("plots") / "pairs.h5"
    rng = np.random.default_rng(0)
    create_pairs(path, [N // 10] * 10)
    for group in map(str, range(10)):
        rows = {name: open_rows(path, group, name) for name in ("images", "spectra", "redshifts", "targetids")}
        rows["redshifts"][:] = rng.uniform(0.05, 0.4, N // 10)
        rows["targetids"][:] = int(group) * 100 + np.arange(N // 10)
        rows["images"][:] = 0.01 * rng.standard_normal(rows["images"].shape)
        rows["images"][:, 70:80, 70:80] += 1
        rows["spectra"][:] = 1 + 0.1 * rng.standard_normal(rows["spectra"].shape)
        for flux, z in zip(rows["spectra"], rows["redshifts"], strict=True):
            flux[np.argmin(np.abs(WAVELENGTH - 4000 * (1 + z)))] += 1000
    index, _ = index_pairs(path, 0.2, 0)
    assert isinstance(index, Index)
    return Pairs(path, index)


STRANGE = {"precision": 0.3, "precision_ci95": [0.1, 0.5], "auc": 0.7, "auc_ci95": [0.6, 0.8], "n": N, "base_rate": 0.1}


def scores(way):
    return {"r2": 0.5, "r2_ci95": [0.4, 0.6], "n": N}


def draw_alike_images(pairs, rng):
    return plots.alike(pairs, np.arange(20), np.array([1, 2]), np.array([[3, 4, 5], [6, 7, 8]]), "image", source=SOURCE)


def draw_alike_spectra(pairs, rng):
    return plots.alike(pairs, np.arange(20), np.array([1]), np.array([[3, 4, 5]]), "spectrum", source=SOURCE)


def draw_ways(pairs, rng):
    return plots.ways(
        {way: {"redshift": scores(way), "log_mstar": scores(way)} for way in ("frozen", "random")}, source=SOURCE
    )


def draw_attention(pairs, rng):
    rest = np.arange(3600.0, 7000.0, 10)
    curves = {"galaxies": np.ones(len(rest)), "shuffled": rng.uniform(0.8, 1.2, len(rest))}
    places, weights = WAVELENGTH[::55], rng.uniform(0.5, 2, (2, len(WAVELENGTH[::55])))
    return plots.attention(
        pairs.spectra([0, 1]), pairs.index.redshift[:2], places, weights, rest, curves, source=SOURCE
    )


def draw_gallery(pairs, rng):
    return plots.gallery(pairs.images([0, 1, 2, 3, 4, 5, 6]), list("abcdefg"), source=SOURCE)


def draw_population(pairs, rng):
    catalog = {"MAG_G": rng.uniform(17, 20, N), "MAG_R": rng.uniform(16, 19, N), "LOG_MSTAR": rng.uniform(9, 11, N)}
    return plots.population(pairs.index.redshift, catalog, source=SOURCE)


def draw_population_without_catalogue(pairs, rng):
    return plots.population(pairs.index.redshift, {}, source=SOURCE)


def draw_noise(pairs, rng):
    return plots.noise(pairs.images(np.arange(9)), pairs.spectra(np.arange(9)), source=SOURCE)


def draw_observed_spectra(pairs, rng):
    return plots.observed_spectra(pairs.spectra([0, 1]), pairs.index.redshift[:2], ["a", "b"], source=SOURCE)


def draw_reconstructions(pairs, rng):
    flux = pairs.spectra([0, 1])
    return plots.reconstructions(flux, 0.9 * flux, pairs.index.redshift[:2], source=SOURCE)


def draw_training_curves(pairs, rng):
    panels = {"loss (nat)": {"training": [3.0, 2.0], "validation": [3.1, 2.5]}, "accuracy": {"validation": [0.1, 0.2]}}
    return plots.training_curves(panels, best_epoch=1, source=SOURCE)


def draw_augmented_views(pairs, rng):
    return plots.augmented_views(pairs.images([0])[0], pairs.images([0, 0, 0]), source=SOURCE)


def draw_four_way(pairs, rng):
    vectors = rng.standard_normal((2, 20, 8))
    image, spectrum = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    found = four_directions({"image": image, "spectrum": spectrum}, 3, k=4)
    return plots.four_way(pairs, np.arange(20), 3, found, source=SOURCE)


def draw_recall_curve(pairs, rng):
    ranks = {name: rng.integers(1, N, N) for name in ("image_to_spectrum", "spectrum_to_image")}
    return plots.recall_curve(ranks, N, source=SOURCE)


def draw_rare_neighbours(pairs, rng):
    kinds = {name: rng.uniform(size=20) < 0.5 for name in ("artefact", "merger", "agn")}
    found = {name: ("image", i, np.array([4, 7, 9])) for i, name in enumerate(kinds)}
    return plots.rare_neighbours(pairs, np.arange(20), kinds, found, source=SOURCE)


def draw_rare_precision(pairs, rng):
    score = {"precision": 0.3, "precision_ci95": [0.2, 0.45], "base_rate": 0.02, "n": 40, "k": 10}
    directions = dict.fromkeys(f"{a}_to_{b}" for a in ("image", "spectrum") for b in ("image", "spectrum"))
    scores = {kind: {direction: score for direction in directions} for kind in ("artefact", "agn")}
    return plots.rare_precision(scores, source=SOURCE)


def draw_cosine_histogram(pairs, rng):
    return plots.cosine_histogram(rng.uniform(0, 1, N), rng.uniform(-1, 1, N), source=SOURCE)


def draw_cosine_matrix(pairs, rng):
    return plots.cosine_matrix(rng.uniform(-1, 1, (N, N)), pairs.index.redshift, source=SOURCE)


def draw_predicted_few(pairs, rng):
    values = {name: rng.uniform(0, 1, N) for name in ("truth", "image", "spectrum", "cross")}
    values["truth"][0] = np.nan
    ways = {way: scores(way) for way in ("image", "spectrum", "cross")}
    return plots.predicted(values, ways, "redshift", source=SOURCE)


def draw_predicted_many(pairs, rng):
    values = {name: rng.uniform(9, 11, 2000) for name in ("truth", "image", "spectrum", "cross")}
    ways = {way: scores(way) for way in ("image", "spectrum", "cross")}
    return plots.predicted(values, ways, "log_mstar", source=SOURCE)


def draw_pit_histogram(pairs, rng):
    places = {way: rng.uniform(size=N) for way in ("image", "spectrum", "cross", "cross_spectrum")}
    places["image"][0] = np.nan
    found = {way: {"crps": 0.02, "crps_ci95": [0.01, 0.03], "pit_ks": 0.05} for way in places}
    return plots.pit_histogram(places, found, source=SOURCE)


def draw_yardsticks(pairs, rng):
    aligned = {way: scores(way) for way in ("image", "spectrum", "cross", "cross_spectrum")}
    baselines = {
        "photometry": {"redshift": {"image": scores("image")}},
        "unaligned": {"redshift": {"spectrum": scores("")}},
    }
    oracle = {"redshift": {"image": scores("image")}}
    measured = {"redshift": aligned, "log_mstar": aligned, "log_tage_mw": aligned}
    return plots.yardsticks({"property": measured, "baseline": baselines, "oracle": oracle}, source=SOURCE)


def draw_yardsticks_of_real_pairs(pairs, rng):
    aligned = {way: scores(way) for way in ("image", "spectrum", "cross", "cross_spectrum")}
    return plots.yardsticks({"property": {"redshift": aligned}, "baseline": {}}, source=SOURCE)


def draw_label_efficiency(pairs, rng):
    curve = {"labels": [10, 100, 800], "r2": [0.1, 0.5, 0.6], "low": [-0.3, 0.4, 0.55], "high": [0.3, 0.6, 0.65]}
    ways = {
        way: {"neighbours": curve, "linear": curve}
        for way in ("image", "spectrum", "cross", "unaligned_image", "photometry")
    }
    return few_labels.label_efficiency({"redshift": ways, "log_mstar": ways}, source=SOURCE)


def draw_confusion(pairs, rng):
    kinds = ["elliptical", "lenticular", "spiral"]
    ways = ("image", "spectrum", "cross")
    matrices = {way: pd.DataFrame(rng.integers(0, 50, (3, 3)), index=kinds, columns=kinds) for way in ways}
    return few_labels.confusion(matrices, source=SOURCE)


def draw_roc(pairs, rng):
    rates = np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 0.3
    curves = {space: {"logistic": rates, "distance": rates} for space in ("aligned", "unaligned")}
    found = {space: {method: {"auc": 0.7} for method in methods} for space, methods in curves.items()}
    return few_labels.roc(curves, found | {"best": {"aligned": "logistic", "unaligned": "distance"}}, source=SOURCE)


def ablation_result():
    names = ("redshift_image", "redshift_spectrum", "redshift_cross", "recall_at_10")
    scores = {**dict.fromkeys(names, 0.5), "epoch": 3.0, "n_train": 100.0, "sd": None}
    reference = {**scores, "seeds": 3, "sd": dict.fromkeys(names, 0.01)}
    pairs = {f"1/{2**i}": {**scores, "n_train": 1600 / 2**i} for i in range(4)}
    questions = {"scale": {"2.74": scores, "learned": scores}, "batch": {}, "loss": {"SigLIP": scores}, "pairs": pairs}
    law = {"n": [200, 400, 800, 1600], "loss": [4.4, 4.2, 4.1, 4.05], "floor": 4.0, "amplitude": 80.0, "exponent": 1.0}
    return {"reference": reference, "questions": questions, "scaling": law}


def draw_ablations(pairs, rng):
    return plots.ablations(ablation_result(), source=SOURCE)


def draw_scaling(pairs, rng):
    return plots.scaling(ablation_result(), source=SOURCE)


def draw_values_on_maps(pairs, rng):
    maps = {name: rng.standard_normal((N, 2)) for name in ("image", "spectrum")}
    mass = rng.uniform(9, 11, N)
    mass[:5] = np.nan
    return space.values_on_maps(maps, {"redshift": pairs.index.redshift, "log_mstar": mass}, source=SOURCE)


def draw_groups_on_maps(pairs, rng):
    maps = {name: rng.standard_normal((N, 2)) for name in ("image", "spectrum")}
    groups = {"image": rng.integers(-1, 14, N), "spectrum": np.full(N, -1)}
    return space.groups_on_maps(maps, groups, "islands", source=SOURCE)


def draw_mismatched(pairs, rng):
    return space.mismatched(pairs, np.arange(3), ["cos 0.1", "cos 0.2", "cos 0.3"], source=SOURCE)


def draw_curves(pairs, rng):
    x, y = {"image": np.arange(N)}, {"image": np.sort(rng.random(N))}
    return space.curves(x, y, {"image": (5, 0.5)}, xlabel="number of clusters", source=SOURCE)


def draw_effects(pairs, rng):
    return space.effects(pd.DataFrame({"redshift": [1.5, -0.1], "merger": [np.nan, 0.3]}), source=SOURCE)


def draw_kept_by_maps(pairs, rng):
    way = {"redshift": {"r2": 0.8}, "merger": {"r2": -0.1}}
    return space.kept_by_maps(
        {name: {"map": way, "space": way} for name in ("image", "spectrum", "joint")}, source=SOURCE
    )


def draw_detectors(pairs, rng):
    titles = {"image_distance": "distance to neighbours", "disagreement": "both disagree"}
    return space.detectors(dict.fromkeys(("artefact", "agn"), dict.fromkeys(titles, STRANGE)), titles, source=SOURCE)


def draw_cluster_members(pairs, rng):
    groups = np.repeat([0, 1, 2], [N - 6, 5, 1])
    return space.cluster_members(pairs, np.arange(N), groups, 0, source=SOURCE)


def draw_behind_filters(pairs, rng):
    return light.behind_filters(source=SOURCE)


def draw_colour_tracks(pairs, rng):
    catalog = {f"MAG_{band}": rng.uniform(16, 20, N) for band in "GRZ"}
    return light.colour_tracks(catalog, rng.uniform(0, 0.6, N), source=SOURCE)


@pytest.mark.parametrize(
    "draw", [f for name, f in globals().items() if name.startswith("draw_")], ids=lambda f: f.__name__
)
def test_figure(draw, pairs):
    figure = draw(pairs, np.random.default_rng(0))
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert SOURCE in [text.get_text() for text in figure.texts]
    words = [(a.get_xlabel(), a.get_ylabel(), a.get_title(), a.get_title("left")) for a in figure.axes]
    titled = any(map(any, words))
    assert titled or draw is draw_augmented_views
    assert figure.dpi >= 200


def test_every_figure_function_is_drawn_here():
    texts = {name for name in plots.__all__ if name.endswith(("table", "_sentence"))} | {"number", "no_training"}
    others = {"rgb"}
    drawn = " ".join(name for name in globals() if name.startswith("draw_"))
    assert not {name for name in set(plots.__all__) - texts - others if name not in drawn}


def test_figures_are_not_shown_twice(pairs):
    import matplotlib.pyplot as plt

    draw_gallery(pairs, None)
    assert not plt.get_fignums()


def test_rgb_puts_bands_in_their_colours_and_in_range():
    only_z = np.zeros((4, 4, 3))
    only_z[..., 2] = 0.02
    red, green, blue = plots.rgb(only_z)[0, 0]
    assert red > green and green == blue
    bright = plots.rgb(np.full((4, 4, 3), 1e4))
    assert (bright == 1).all()
    # Faint light is stretched linearly, by the root of the softening.
    faint = plots.rgb(np.array([[[1e-4, 0, 0]]]))[0, 0, 2]
    assert faint == pytest.approx((1e-4 * SCALES[0] + OFFSET) * SOFTENING**0.5, rel=0.1)


def test_stack_brings_a_line_to_rest(pairs):
    rest = np.arange(3500.0, 4500.0, 8.0)
    result = stack(pairs.spectra(np.arange(N)), pairs.index.redshift, rest)
    assert abs(rest[np.nanargmax(result)] - 4000) <= 8


def test_stack_leaves_out_what_few_galaxies_reach():
    flux = np.ones((4, N_WAVELENGTH))
    result = stack(flux, np.array([0.0, 0.0, 0.0, 0.5]), np.arange(2500.0, 5000.0, 8.0))
    assert np.isnan(result[0]) and np.isfinite(result[-1])


def test_table_text():
    text = plots.table(["", "a", "b"], [["row", -0.25, None], ["other", 1234, "x"]]).data
    assert "| row | −0.250 | – |" in text and "| other | 1,234 | x |" in text


def test_retrieval_table_has_both_galleries_once():
    names = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank")
    chance = dict.fromkeys(names, 0.001)
    full = (
        {"pool": 3000, "chance": chance} | dict.fromkeys(names, 0.25) | {f"{name}_ci95": [0.2, 0.3] for name in names}
    )
    drawn = {**full, "pool": 2000, "mrr": 0.4, "full": full, "recall_at_10_seeds": [0.3, 0.2]}
    both = dict.fromkeys(("image_to_spectrum", "spectrum_to_image"), drawn)
    rows = plots.retrieval_table(both).data.splitlines()[2:]
    assert (
        len(rows) == 12
        and "2 seeds of heads | | | 0.200–0.300 |" in rows[-1]
        and rows[0] == "| 2,000 | image → spectrum | 0.250 | 0.250 | 0.250 | 0.400 | 0.2 |"
    )
    assert rows[1].startswith("| | 95% interval | 0.200–0.300 |") and rows[5].startswith("| 3,000 | image → spectrum |")
    alone = {way: {**full, "full": full, "recall_at_10_seeds": [0.3]} for way in both}
    assert len(plots.retrieval_table(alone).data.splitlines()[2:]) == 7


def test_rare_table_has_a_row_for_each_kind_and_direction():
    score = {"precision": 0.5, "precision_ci95": [0.4, 0.6], "base_rate": 0.02, "n": 9, "k": 10}
    text = plots.rare_table({"merger": {"image_to_image": score}, "agn": {"spectrum_to_image": score}}).data
    assert "| merger | image → image | 0.500 | 0.400–0.600 | 0.020 | 9 |" in text
    assert "| active nucleus | spectrum → image |" in text


def test_scores_table_has_neighbours_and_seeds():
    score = scores("") | {"k": 32, "weighting": "distance", "n_gallery": 1200, "r2_k16": None, "r2_seeds": [0.5, 0.48]}
    ways = dict.fromkeys(("image", "spectrum", "cross", "cross_spectrum"), score)
    text = plots.scores_table({"redshift": ways}, "redshift", "log_tage_mw").data
    row = "| redshift | spectrum → image | 0.500 [0.400, 0.600] | 0.480 to 0.500 | 32, distance | – | 60 / 1,200 |"
    assert row in text and "stellar age" not in text
    assert "knows none" in plots.scores_table({"redshift": ways}, "log_tage_mw").data


def test_redshift_tables():
    names = ("bias", "nmad", "outliers_005", "outliers_015", "crps")
    score = {name: -0.0123 for name in names} | {f"{name}_ci95": [-0.02, 0.01] for name in names}
    score |= {"crps_prior": 0.05, "pit_ks": 0.1, "pz_k": 64, "pz_weighting": "uniform"}
    ways = dict.fromkeys(("image", "spectrum", "cross", "cross_spectrum"), score)
    assert (
        "| −0.0123 [−0.0200, 0.0100] |" in plots.photoz_table(ways).data and "−1.2% [" in plots.photoz_table(ways).data
    )
    assert "| 64, uniform | −0.0123 [−0.0200, 0.0100] | 0.0500 | 0.100 |" in plots.pz_table(ways).data


def test_gains_have_signs():
    score = {"r2": 0.0126, "r2_ci95": [-0.004, 0.03], "n": 9, "over": "pca"}
    text = plots.gains_table({"redshift": dict.fromkeys(("image", "spectrum", "cross", "cross_spectrum"), score)}).data
    assert "| redshift | image → image | +0.013 [−0.004, +0.030] | PCA |" in text


def test_standing_table_leaves_out_what_no_way_has():
    row = {
        "r2": 0.7,
        "r2_ci95": [0.6, 0.8],
        "share_of_way": 0.5,
        "of_supervised": None,
        "photometry": 0.5,
        "oracle": None,
        "photometry_boosted": 0.6,
        "unaligned": 0.3,
        "random": None,
        "pca": None,
        "supervised": 0.8,
    }
    text = plots.standing_table({"cross": row, "spectrum": row | {"photometry_boosted": None}}).data
    assert "| image → spectrum | 0.700 [0.600, 0.800] | 0.600 | 0.300 | 0.800 | 50% | – |" in text
    assert "| – | 0.300 |" in text and "PCA" not in text and "best possible" not in text


def test_numbers_for_sentences():
    assert plots.number(-0.123, ".2f") == "−0.12"
    assert plots.number(0.5, ".0%") == "50%"
    assert plots.number(None, ".2f") == "–"
    assert "`weights.ckpt`" in plots.no_training("/some/where/weights.ckpt").data


ISLAND = {
    "wanted": 9, "group": "dbscan/image 3", "size": 5, "precision": 0.9, "precision_ci95": [0.5, 1.0], "recall": 0.5,
    "recall_ci95": [0.3, 0.7], "f1": 0.6, "f1_null": 0.2, "found_again": 0.4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"wanted": 0}, "nothing to score"),
        ({"group": None, "f1": 0.1}, "There is none"),
        ({}, "There is one.** Of 9 trails in the test set, 50% [30% to 70%] are in island 3"),
        ({"group": "hdbscan/image 3"}, "island (HDBSCAN) 3"),
        ({"group": "kmeans/image 1", "found_again": None}, "cluster 1"),
        ({"precision": 0.2}, "none to themselves"),
        ({"recall": 0.2}, "A part of them has one"),
    ],
)
def test_island_sentence(scores, words):
    assert words in space.island_sentence(ISLAND | scores, "trails").data


def test_outcomes_stand_beside_the_committed_runs_and_a_missing_number_is_a_dash(tmp_path, monkeypatch):
    committed = tmp_path / "laptop.json", tmp_path / "other.json"
    for path, value in zip(committed, (-0.25, 0.125), strict=True):
        path.write_text(json.dumps({"metrics": {}, "not_compared": {"a.b c.r2": value}}))
    monkeypatch.setattr(verify, "COMMENTED", committed)
    run = SimpleNamespace(metrics={"a": {"b c": {"r2": 0.5, "r2_ci95": [-0.5, 0.625]}}})
    text = outcomes.outcomes_table(run, [("one", "a/b c/r2"), ("two", "a/x/r2")]).data
    assert "| one | 0.500 [−0.500, 0.625] | −0.250 | 0.125 |" in text
    assert "| two | – | – | – |" in text
    committed[1].unlink()
    with pytest.raises(BookError, match="other.json is missing"):
        outcomes.outcomes_table(run, [])


@pytest.mark.parametrize(("colour", "blue"), [(0.76, False), (0.42, True)])
def test_the_populations_shown_have_the_colours_of_their_sequences(colour, blue):
    assert sed.colour(light.mixture(colour, blue))[0] == pytest.approx(colour, abs=1e-6)


@pytest.mark.parametrize("path", verify.COMMENTED, ids=lambda path: path.parent.name)
def test_places_of_outcomes_exist_in_the_committed_runs(path):
    content = json.loads(path.read_text())
    text = "".join(page.read_text() for page in (ROOT / "notebooks").glob("*.md"))
    places = re.findall(r'^    \(r?".+", "(.+)"\),$', text, re.MULTILINE)
    assert len(places) > 50
    assert not [
        place for place in places if place.replace("/", ".") not in content["metrics"] | content["not_compared"]
    ]


def test_single_numbers_are_glued_as_text_and_missing_ones_as_a_dash(monkeypatch):
    glued = {}
    monkeypatch.setattr(tables, "glue", lambda name, text, display: glued.update({name: text}))
    tables.glue_numbers(
        {"scale": {"2.74": {"r2": -0.125}}}, {"known": "scale/2.74/r2", "unknown": "scale/15.5/r2"}, ".3f"
    )
    assert glued == {"known": "−0.125", "unknown": "–"}
