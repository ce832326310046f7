"""Ablations on features whose structure is known."""

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ttest_ind
from small import ALIGNMENT

from astroclip_book.evaluate.ablations import differences, neighbour_scores, varied
from astroclip_book.train.features import CachedFeatures
from astroclip_book.train.heads import embed, fit_heads

BASE = dataclasses.replace(ALIGNMENT, batch_size=256, dropout=0.0, epochs=6, learning_rate=5e-3)


@pytest.fixture(scope="module")
def cached():
    """Both modalities see the same four numbers, each through its own mixture; the first of them is the redshift."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(1500, 4))
    clean = {name: torch.from_numpy(truth @ rng.normal(size=(4, 12))).half() for name in ("image", "spectrum")}
    split = np.repeat([0, 1, 2], [1100, 200, 200]).astype(np.uint8)
    views = {name: torch.stack([x[:1100], x[:1100] + 0.01], 1) for name, x in clean.items()}
    return CachedFeatures(clean, views, split), {"redshift": truth[:, 0]}


@pytest.fixture(scope="module")
def scored(cached):
    features, known = cached

    @cache
    def train(**changes):
        config, given = varied(BASE, features, 0, **changes)
        heads, history = fit_heads(given, config, "cpu", 0)
        scores = neighbour_scores(embed(heads, given.clean), given, known, 100, 0)
        return scores | {name: history[name][history["best_epoch"]] for name in ("validation_loss", "logit_scale")}

    return train


def test_what_a_variant_lacks_its_scores_lack(scored):
    reference, flat = scored(), scored(dimension=2)
    assert reference.keys() >= {"redshift_image", "redshift_spectrum", "redshift_cross", "recall_at_10"}
    assert flat["recall_at_10"] < reference["recall_at_10"]
    assert scored(dimension=32)["redshift_image"] > 0.5


def test_a_small_scale_cannot_lower_the_loss_as_far(scored):
    floor = np.log(1 + 199 * np.exp(-2.74 * 200 / 199))  # of the 200 validation objects
    assert scored(logit_scale=2.74)["validation_loss"] > floor > scored()["validation_loss"]


def test_shares_of_the_pairs_are_nested_and_seen_in_as_many_steps(cached):
    reference = BASE.epochs * (1100 // 256)
    found = [varied(BASE, cached[0], 0, share=share, steps=3) for share in (1 / 16, 1 / 4, 1.0)]
    assert found[0] is None  # a sixteenth would not fill a batch
    for config, given in found[1:]:
        n = len(given.views["image"])
        assert abs(config.epochs * (n // 256) - 3 * reference) < n // 256
    quarter, whole = (set(map(tuple, given.views["image"][:, 0].tolist())) for _, given in found[1:])
    assert len(quarter) == 275 and quarter < whole


def test_the_rate_goes_with_the_root_of_the_batch(cached):
    config, _ = varied(BASE, cached[0], 0, batch_size=64, steps=1)
    assert config.learning_rate == BASE.learning_rate / 2
    assert config.epochs * (1100 // 64) <= BASE.epochs * (1100 // 256)


def test_the_difference_of_two_variants_is_students():
    draws = pd.DataFrame({"score": np.random.default_rng(0).normal(size=7)}, index=list("aaabbbb"))
    found, _, freedom = differences(draws, {"b": "a"})
    peer = ttest_ind(draws.loc["b", "score"], draws.loc["a", "score"])
    assert found["p"].item() == pytest.approx(peer.pvalue) and freedom == 5
    low, high = peer.confidence_interval()
    assert found["half"].item() == pytest.approx((high - low) / 2)


def test_chance_alone_is_rarely_found_and_an_effect_is():
    variants, rng, false, inside = [f"{i}" for i in range(24)], np.random.default_rng(1), 0, []
    names = pd.MultiIndex.from_product([variants, range(3)]).droplevel(1)
    for _ in range(200):
        draws = pd.DataFrame({"score": 0.01 * rng.normal(size=72)}, names)
        found, _, freedom = differences(draws, dict.fromkeys(variants[1:], variants[0]))
        false += found["found"].any()
        inside.append((found["difference"].abs() < found["half"]).mean())
    assert freedom == 48 and np.mean(inside) == pytest.approx(0.95, abs=0.02) and false < 0.08 * 200
    draws.loc["5"] += 0.1
    found = differences(draws, dict.fromkeys(variants[1:], variants[0]))[0]
    assert list(found.index[found["found"]].get_level_values(0)) == ["5"]
