"""Effects are theirs less this book's, and what was not measured is said."""

import math
import types

import pytest

from bookmaking import figures as plots
from bookmaking.differences import DIFFERENCES, EARLIER, PAPER, ablation, fixed_neighbours
from bookmaking.presets import ROOT, load_preset


def scores(value: float, seeds: int) -> dict:
    return {"redshift_cross": value, "redshift_spectrum": value, "recall_at_10": value, "seeds": seeds}


SPREAD = {"redshift_cross": 0.01, "redshift_spectrum": 0.0, "recall_at_10": 0.02}
METRICS = {
    "ablations": {
        "reference": {**scores(0.8, 3), "sd": SPREAD},
        "questions": {
            **{name: {} for name in ("frozen", "decay", "layers", "dimension", "views", "embedding_dropout")},
            "scale": {"2.74": scores(0.7, 1)},
            "pairs": {"1/4": scores(0.75, 1), "1/1": scores(0.85, 1)},
        },
    },
    "property": {
        "redshift": {
            way: {"r2": 0.8, "r2_k16": r2} for way, r2 in (("image", 0.79), ("spectrum", None), ("cross", 0.75))
        }
    },
}


def test_an_effect_has_the_spread_of_both_sides_seeds():
    effect = ablation("scale", "2.74")(METRICS)[0]
    half = 2 * 0.01 * math.sqrt(1 + 1 / 3)
    assert effect.value == pytest.approx(-0.1) and effect.interval == pytest.approx((-0.1 - half, -0.1 + half))
    between = ablation("pairs", "1/1", against="1/4")(METRICS)[0]
    assert between.value == pytest.approx(0.1) and between.interval[1] == pytest.approx(0.1 + 0.02 * math.sqrt(2))


def test_what_the_run_has_not_is_left_out():
    assert ablation("layers", "1")(METRICS) == []
    assert [effect.value for effect in fixed_neighbours(METRICS)] == pytest.approx([-0.01, -0.05])


def test_the_table_has_values_of_the_run_or_says_that_there_are_none():
    run = types.SimpleNamespace(preset=load_preset("smoke"), metrics=METRICS)
    lines = [line for side in (PAPER, EARLIER) for line in plots.differences_table(side, run).data.splitlines()]
    assert len(lines) == len(DIFFERENCES) + 4
    scale = next(line for line in lines if "2.74" in line)
    assert "| 15.5 ({doc}`08 <../notebooks/08_ablations>`) |" in scale and "cross: −0.100 [−0.123, −0.077]" in scale
    assert "not measured here" in next(line for line in lines if "its own neighbour" in line)
    assert "not measured in this run" in next(line for line in lines if "raw fluxes" in line)


def test_each_leads_to_a_chapter_that_exists():
    for one in DIFFERENCES:
        assert (ROOT / "notebooks" / f"{one.chapter}.md").is_file()
