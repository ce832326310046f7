"""What alignment adds, where it is known."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from astroclip_book.evaluate.gains import gains
from astroclip_book.evaluate.properties import DIRECTIONS

N = 400


@pytest.fixture(scope="module")
def setting():
    """Errors that two methods share, and small ones of their own; a mass that one of the others does not predict."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=N)
    truth[:20] = np.nan
    hard = truth + 0.5 * rng.normal(size=N)
    ours = {"truth": truth, **{direction: truth + 0.8 * (hard - truth) for direction in DIRECTIONS}, "spectrum": hard}
    near = {"image": hard + 0.05 * rng.normal(size=N), "spectrum": hard + 0.05 * rng.normal(size=N)}
    far = {"image": np.zeros(N), "spectrum": hard - 0.3}
    others = {"near": {"redshift": near, "log_mstar": near}, "far": {"redshift": far}}
    return {"redshift": ours, "log_mstar": ours}, others


def test_a_gain_is_the_difference_to_the_best_of_the_modality_that_is_asked(setting):
    aligned, others = setting
    found = gains(aligned, others, 200, 0)
    assert found.keys() == {"redshift"}
    known = slice(20, None)
    for direction, (_, asked) in DIRECTIONS.items():
        score = found["redshift"][direction]
        truth, ours, theirs = (
            x[known]
            for x in (aligned["redshift"]["truth"], aligned["redshift"][direction], others["near"]["redshift"][asked])
        )
        assert score["over"] == "near" and score["n"] == N - 20
        assert score["r2"] == pytest.approx(r2_score(truth, ours) - r2_score(truth, theirs))


def test_what_is_hard_for_both_does_not_widen_the_interval(setting):
    aligned, others = setting
    found = gains(aligned, others, 200, 0)["redshift"]
    low, high = found["image"]["r2_ci95"]
    assert 0.02 < low < found["image"]["r2"] < high < 0.2  # the two R² have intervals of 0.1, and overlap
    low, high = found["spectrum"]["r2_ci95"]
    assert high - low < 0.03 and abs(found["spectrum"]["r2"]) < 0.02  # nothing but the noise of its own is between them
