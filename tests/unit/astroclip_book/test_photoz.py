"""Statistics of redshifts and of their distributions, on cases whose answer is known."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from astroclip_book.evaluate import photoz


def equal(values):
    return np.full(values.shape, 1 / values.shape[1])


def test_a_constant_shift_is_all_bias():
    truth = np.linspace(0.05, 0.5, 200)
    found = photoz.statistics(truth, truth + 0.02 * (1 + truth))
    assert found == pytest.approx({"bias": 0.02, "nmad": 0, "outliers_005": 0, "outliers_015": 0}, abs=1e-12)


def test_scatter_of_normal_errors_is_their_standard_deviation_and_does_not_see_outliers():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 0.5, 100_000)
    error = rng.normal(0.01, 0.02, len(truth))
    error[:1000] = 1
    assert photoz.statistics(truth, truth + error * (1 + truth))["nmad"] == pytest.approx(0.02, rel=0.02)


def test_outliers_are_counted_on_both_sides():
    error = np.array([0.0, 0.04, -0.06, 0.1, -0.16])
    found = photoz.statistics(np.ones(5), 1 + 2 * error)
    assert found["outliers_005"] == pytest.approx(3 / 5) and found["outliers_015"] == pytest.approx(1 / 5)


@pytest.mark.parametrize("k", [1, 2, 5, 64])
def test_place_in_an_honest_distribution_is_uniform(k):
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(20_000, 1))
    values, truth = centre + rng.normal(size=(20_000, k)), centre[:, 0] + rng.normal(size=20_000)
    assert kstest(photoz.pit(values, equal(values), truth, 1), "uniform").pvalue > 0.01


def test_uneven_weights_keep_the_mean_and_the_spread_of_the_place():
    rng = np.random.default_rng(0)
    values, truth = rng.normal(size=(100_000, 6)), rng.normal(size=100_000)
    weights = np.tile(np.array([0.4, 0.3, 0.1, 0.1, 0.05, 0.05]), (100_000, 1))
    place = photoz.pit(values, weights, truth, 0)
    assert place.mean() == pytest.approx(0.5, abs=3e-3) and place.var() == pytest.approx(1 / 12, rel=0.01)
    assert kstest(place, "uniform").statistic < 0.04  # all that is promised for weights as uneven as these


def test_too_narrow_distributions_leave_the_truth_at_the_ends_and_wide_ones_in_the_middle():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=20_000)
    for scale, ends, distance in ((0.3, 0.6, 0.2), (3, 0.02, 0.2)):
        values = scale * rng.normal(size=(20_000, 32))
        place = photoz.pit(values, equal(values), truth, 0)
        share = np.mean((place < 0.1) | (place > 0.9))
        assert share > ends if scale < 1 else share < ends
        assert kstest(place, "uniform").statistic > distance


def test_score_is_the_energy_form_for_any_weights_and_order():
    rng = np.random.default_rng(0)
    values, weights, truth = rng.normal(size=(50, 9)), rng.uniform(size=(50, 9)), rng.normal(size=50)
    values[:, 3] = values[:, 2]
    weights /= weights.sum(1, keepdims=True)
    pairs = np.abs(values[:, :, None] - values[:, None]) * weights[:, :, None] * weights[:, None]
    expected = (weights * np.abs(values - truth[:, None])).sum(1) - pairs.sum((1, 2)) / 2
    np.testing.assert_allclose(photoz.crps(values, weights, truth), expected, rtol=1e-10)


def test_score_of_many_normal_values_is_the_closed_form():
    """Of N(mu, sigma): sigma (u (2 Phi(u) - 1) + 2 phi(u) - 1 / sqrt(pi)), u = (y - mu) / sigma.

    Gneiting et al. 2005, https://doi.org/10.1175/MWR2904.1, which `properscoring.crps_gaussian` evaluates.
    """
    mean, sigma, truth = 0.2, 0.03, np.array([0.1, 0.19, 0.2, 0.26])
    values = np.tile(norm.ppf((np.arange(4000) + 0.5) / 4000, mean, sigma), (4, 1))
    u = (truth - mean) / sigma
    expected = sigma * (u * (2 * norm.cdf(u) - 1) + 2 * norm.pdf(u) - np.pi**-0.5)
    np.testing.assert_allclose(photoz.crps(values, equal(values), truth), expected, rtol=1e-3)


def test_the_prior_is_honest_and_worse_than_what_knows_the_galaxy():
    rng = np.random.default_rng(0)
    known, truth = rng.gamma(3, 0.07, 5000), rng.gamma(3, 0.07, 2000)
    prior = photoz.prior(known, len(truth))
    assert kstest(photoz.pit(*prior, truth, 0), "uniform").statistic < 0.05
    near = truth[:, None] + rng.normal(0, 0.01, (2000, 16)) + rng.normal(0, 0.01, (2000, 1))
    assert photoz.crps(near, equal(near), truth).mean() < 0.3 * photoz.crps(*prior, truth).mean()


def heteroscedastic(rng, n):
    """Truths around 0 whose scatter doubles from one quarter of galaxies to the next, and intervals of one width for all."""
    group = rng.integers(4, size=n)
    return group, rng.normal(size=n) * 2.0 ** (group - 1.0), -np.ones(n), np.ones(n)


def test_one_quantile_is_right_on_the_whole_and_wrong_in_parts_and_one_for_each_group_is_right_in_all():
    rng = np.random.default_rng(0)
    group, truth, low, high = heteroscedastic(rng, 20_000)
    seen, new = np.split(np.arange(20_000), 2)
    one = np.full(4, photoz.widening(low[seen], high[seen], truth[seen], 0.68))
    parts = [seen[group[seen] == i] for i in range(4)]
    each, covered = np.array([photoz.widening(low[i], high[i], truth[i], 0.68) for i in parts]), {}
    for name, by in {"one": one, "each": each}.items():
        inside = np.abs(truth[new]) <= 1 + 2 * by[group[new]]
        assert inside.mean() == pytest.approx(0.68, abs=0.015)
        bins = photoz.local_coverage(inside, group[new], np.array([0.5, 1.5, 2.5]))
        assert sum(one["n"] for one in bins) == len(new)
        covered[name] = [one["coverage"] for one in bins]
    half_width = 1 + 2 * one[0]
    np.testing.assert_allclose(covered["one"], 2 * norm.cdf(half_width / 2.0 ** np.arange(-1, 3)) - 1, atol=0.03)
    assert covered["one"][0] > 0.98 and covered["one"][3] < 0.35  # known to be wrong
    np.testing.assert_allclose(covered["each"], 0.68, atol=0.04)


def test_coverage_of_few_is_wilsons_and_an_empty_bin_has_none():
    by = np.array([0.0] * 10 + [np.nan])  # not known of the last
    full, empty = photoz.local_coverage(np.ones(11, bool), by, np.array([1.0]))
    assert full["coverage"] == 1 and full["coverage_ci95"] == pytest.approx([1 / (1 + 1.96**2 / 10), 1], abs=1e-4)
    assert empty == {"n": 0, "coverage": None, "coverage_ci95": None}


def test_quantiles_turn_the_transform_round():
    values, weights = np.arange(1.0, 5)[None], np.full((1, 4), 0.25)
    np.testing.assert_allclose(photoz.quantiles(values[:, ::-1], weights, (0.2, 0.5, 0.8, 0.99))[:, 0], [1, 2.5, 4, 4])
    rng = np.random.default_rng(1)
    values, truth = rng.normal(size=(4000, 16)), rng.normal(size=4000)
    low, high = photoz.quantiles(values, equal(values), (0.16, 0.84))
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.68, abs=0.03)
