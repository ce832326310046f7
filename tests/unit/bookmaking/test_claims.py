"""Verdicts follow from numbers and thresholds alone."""

import pytest
import yaml

from bookmaking.claims import OPEN, REFUSED, SUPPORTED, UNKNOWN, claims, judge
from bookmaking.presets import ROOT, load_preset


@pytest.mark.parametrize(
    ("value", "interval", "most", "verdict"),
    [
        (0.9, [0.85, 0.95], False, SUPPORTED),
        (0.9, [0.75, 0.95], False, OPEN),
        (0.7, [0.6, 0.79], False, REFUSED),
        (0.8, None, False, SUPPORTED),
        (0.79, None, False, REFUSED),
        (0.9, [0.85, 0.95], True, REFUSED),
        (0.7, [0.6, 0.79], True, SUPPORTED),
        (0.79, [0.7, 0.85], True, OPEN),
    ],
)
def test_the_whole_interval_decides(value, interval, most, verdict):
    assert judge(value, interval, 0.8, most) == verdict


def score(r2):
    return {"r2": r2, "r2_ci95": [r2 - 0.01, r2 + 0.01]}


def verdicts(image):
    """Of a run whose images predict that well."""
    ways = {"image": score(image), "spectrum": score(0.96), "cross": score(0.7)}
    baseline, names = {"image": score(0.7), "spectrum": score(0.8)}, ("unaligned", "random", "pca", "supervised")
    metrics = {
        "property": {"redshift": {**ways, "spectrum": {**ways["spectrum"], "outliers_005": 0.02}}, "log_mstar": ways},
        "baseline": {name: {"redshift": baseline, "log_mstar": baseline} for name in names},
        "gain": {name: {"image": score(image - 0.7)} for name in ("redshift", "log_mstar")},
        "islands": {"artefact": {"precision": None, "recall": None, "group": None, "wanted": 9}},
    }
    rows = claims(metrics)
    assert [row["verdict"] for row in rows if row["measure"] == ISLAND] == [REFUSED, UNKNOWN]
    return {row["measure"]: row for row in rows}


ISLAND = "precision of the island, found blind"  # there is none of artefacts; spirals were not looked for
REDSHIFT = "redshift from an image's neighbours, R²"
GAIN = "redshift from images, gain in R² over the best without alignment"


def test_a_run_decides_and_what_it_has_not_measured_is_said():
    assert [verdicts(image)[REDSHIFT]["verdict"] for image in (0.75, 0.6)] == [SUPPORTED, REFUSED]
    assert verdicts(0.75)["recall at 10, image → spectrum, of 2,000"]["verdict"] == UNKNOWN
    assert len(claims({})) == 24 and {row["verdict"] for row in claims({})} == {UNKNOWN}


def test_clusters_without_information_decide_nothing():
    one_cluster = {"cross_modal_ami": 0.0, "cross_modal_ami_ci95": [0.0, 0.0], "cross_modal_ami_null": 0.0}
    found = {row["measure"]: row["verdict"] for row in claims({"clusters": one_cluster})}
    assert found["mutual information over its null"] == UNKNOWN


def test_shares_and_gains_are_those_of_the_modality_that_is_asked():
    found = verdicts(0.75)
    share = found["redshift, image → spectrum, share of the supervised R²"]
    assert share["value"] == pytest.approx(1.0) and share["verdict"] == SUPPORTED
    assert found["redshift from spectra, share of the supervised R²"]["value"] == pytest.approx(1.2)
    assert found[GAIN]["value"] == pytest.approx(0.05)
    assert [verdicts(image)[GAIN]["verdict"] for image in (0.75, 0.705, 0.68)] == [SUPPORTED, OPEN, REFUSED]


def test_each_difference_leads_to_a_chapter_has_values_of_the_preset_and_a_variant_that_is_tried():
    choices = yaml.safe_load((ROOT / "book" / "differences.yaml").read_text(encoding="utf-8"))
    tried = (ROOT / "tests" / "metric_names" / "laptop.txt").read_text(encoding="utf-8").splitlines()
    for one in choices["paper"] + choices["earlier"]:
        assert (ROOT / "notebooks" / f"{one['chapter']}.md").is_file()
        assert "{" not in one["book"].format(**vars(load_preset("laptop")))
        for variant in [one["variant"][1], one.get("against", one["variant"][1])] if "variant" in one else []:
            assert f"ablations.questions.{one['variant'][0]}.{variant}.recall_at_10" in tried
