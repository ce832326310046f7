"""Verdicts follow from numbers and thresholds alone."""

import pandas as pd
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


def verdicts(gain):
    """Of a run whose images gain as much by alignment."""
    metrics = {
        "property": {"redshift": {"spectrum": {"outliers_005": 0.02, "outliers_005_ci95": [0.01, 0.03]}}},
        "gain": {"redshift": {"image": {"r2": gain, "r2_ci95": [gain - 0.01, gain + 0.01]}}},
        "islands": {"artefact": {"precision": None, "recall": None, "group": None, "wanted": 9}},
    }
    return {(row["claim"], row["measure"]): row["verdict"] for row in claims(metrics)}


def test_a_run_decides_and_what_it_has_not_measured_is_said():
    gain = "One modality alone is enough", "redshift from images, R² minus the best without alignment"
    assert [verdicts(value)[gain] for value in (0.05, 0.015, 0.0)] == [SUPPORTED, OPEN, REFUSED]
    found = verdicts(0.05)
    accurate = "Redshift and mass are accurate", "share of redshifts from spectra wrong by more than 0.05 (1 + z)"
    robust = "Search across modalities is robust", "recall at 10, image → spectrum, over that of a linear alignment"
    assert (found[accurate], found[robust]) == (SUPPORTED, UNKNOWN)
    assert {row["verdict"] for row in claims({})} == {UNKNOWN}


def test_a_kind_that_forms_no_island_is_refused_and_one_that_was_not_looked_for_is_not_measured():
    island, found = "precision of the island, found blind", verdicts(0.05)
    assert found["Images with artefacts form an island", island] == REFUSED
    assert found["Bright spirals form an island", island] == UNKNOWN


def test_each_claim_is_of_a_number_that_laptop_runs_have():
    names = (ROOT / "tests" / "metric_names" / "laptop.txt").read_text(encoding="utf-8").splitlines()
    rows = pd.read_csv(ROOT / "src" / "bookmaking" / "claims.csv", encoding="utf-8", keep_default_na=False)
    assert (rows["published"] != "").all() and not rows.duplicated(["claim", "measure"]).any()
    assert [one for one in rows["value"] if one != "artefacts/best/auc" and one.replace("/", ".") not in names] == []


def test_each_difference_leads_to_a_chapter_has_values_of_the_preset_and_a_variant_that_is_tried():
    choices = yaml.safe_load((ROOT / "book" / "differences.yaml").read_text(encoding="utf-8"))
    tried = (ROOT / "tests" / "metric_names" / "laptop.txt").read_text(encoding="utf-8").splitlines()
    for one in choices["paper"] + choices["earlier"]:
        assert (ROOT / "notebooks" / f"{one['chapter']}.md").is_file()
        assert "{" not in one["book"].format(**vars(load_preset("laptop")))
        for question, variant in (one[key] for key in ("variant", "against") if key in one):
            assert f"ablations.questions.{question}.{variant}.recall_at_10" in tried
