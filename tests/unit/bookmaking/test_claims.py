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


def metrics(image):
    ways = {"image": score(image), "spectrum": score(0.96), "cross": score(0.7)}
    baseline = {"image": score(0.7), "spectrum": score(0.8)}
    names = ("unaligned", "random", "pca", "supervised")
    return {
        "property": {"redshift": {**ways, "spectrum": {**ways["spectrum"], "outliers_005": 0.02}}, "log_mstar": ways},
        "baseline": {name: {"redshift": baseline, "log_mstar": baseline} for name in names},
        "gain": {
            name: {"image": {"r2": image - 0.7, "r2_ci95": [image - 0.71, image - 0.69]}}
            for name in ("redshift", "log_mstar")
        },
        "islands": {"artefact": {"precision": None, "recall": None, "group": None, "wanted": 9}},
    }


def verdicts(image):
    return {row["measure"]: row for row in claims(metrics(image))}


def test_a_run_decides_and_what_it_has_not_measured_is_said():
    found = verdicts(0.75)
    assert found["redshift from an image's neighbours, R²"]["verdict"] == SUPPORTED
    assert found["recall at 10, image → spectrum, of 2,000"]["verdict"] == UNKNOWN
    islands = [
        row["verdict"] for row in claims(metrics(0.75)) if row["measure"] == "precision of the island, found blind"
    ]
    assert islands == [REFUSED, UNKNOWN]  # there is no island of artefacts; spirals were not looked for
    assert len(claims({})) == 24 and {row["verdict"] for row in claims({})} == {UNKNOWN}


def test_clusters_without_information_decide_nothing():
    one_cluster = {
        "clusters": {"cross_modal_ami": 0.0, "cross_modal_ami_ci95": [0.0, 0.0], "cross_modal_ami_null": 0.0}
    }
    found = {row["measure"]: row["verdict"] for row in claims(one_cluster)}
    assert found["mutual information over its null"] == UNKNOWN


def test_a_claim_can_fail():
    assert verdicts(0.6)["redshift from an image's neighbours, R²"]["verdict"] == REFUSED


def test_shares_and_gains_are_those_of_the_modality_that_is_asked():
    found = verdicts(0.75)
    share = found["redshift, an image asks spectra, share of the supervised R²"]
    assert share["value"] == pytest.approx(1.0) and share["verdict"] == SUPPORTED
    assert found["redshift from spectra, share of the supervised R²"]["value"] == pytest.approx(1.2)
    gain = "redshift from images, gain in R² over the best without alignment"
    assert found[gain]["value"] == pytest.approx(0.05) and found[gain]["verdict"] == SUPPORTED
    assert [verdicts(image)[gain]["verdict"] for image in (0.705, 0.68)] == [OPEN, REFUSED]


def test_each_difference_leads_to_a_chapter_has_values_of_the_preset_and_a_variant_that_is_tried():
    choices = yaml.safe_load((ROOT / "book" / "differences.yaml").read_text(encoding="utf-8"))
    tried = (ROOT / "tests" / "metric_names" / "laptop.txt").read_text(encoding="utf-8").splitlines()
    for one in choices["paper"] + choices["earlier"]:
        assert (ROOT / "notebooks" / f"{one['chapter']}.md").is_file()
        assert "{" not in one["book"].format(**vars(load_preset("laptop")))
        for variant in [one["variant"][1], one.get("against", one["variant"][1])] if "variant" in one else []:
            assert f"ablations.questions.{one['variant'][0]}.{variant}.recall_at_10" in tried
