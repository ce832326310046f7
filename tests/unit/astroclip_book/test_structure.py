import numpy as np
import pytest

from astroclip_book.evaluate.space import structure

N = 400


def test_properties_that_are_unknown_or_constant_are_left_out_with_a_reason():
    rng = np.random.default_rng(0)
    labels = {"Z": rng.random(N), "LOG_MSTAR": np.full(N, np.nan), "MERGER": np.zeros(N, bool)}
    known, left_out = structure.properties(labels, N)
    assert list(known) == ["redshift"]
    assert left_out["merger"] == "the same for all galaxies" and left_out["log_mstar"] == "known of 0 galaxies"
    assert left_out["artefact"] == "known of 0 galaxies"


def test_groups_made_of_a_property_share_its_information():
    rng = np.random.default_rng(0)
    redshift = rng.random(N)
    redshift[:7] = np.nan  # not known
    groups = np.searchsorted([0.1 * i for i in range(1, 10)], np.nan_to_num(redshift))
    ami, by_chance = structure.group_ami(groups, {"redshift": redshift, "other": rng.random(N)}, seed=0)
    assert ami["redshift"] > 0.7 and ami["other"] < 0.1 and abs(by_chance["redshift"]) < 0.1


def test_effect_sizes_by_hand():
    groups = np.array([0, 0, 1, 1, 1])
    values = np.array([1.0, 3.0, 5.0, 7.0, np.nan])
    # Means 2 and 6, both variances 2: the pooled deviation is the root of 2.
    assert structure.effect_sizes(groups, {"mag_r": values})["mag_r"] == pytest.approx(
        [-4 / np.sqrt(2), 4 / np.sqrt(2)]
    )
    assert structure.effect_sizes(np.array([0, 0, 0, 1]), {"mag_r": np.arange(4.0)})["mag_r"] == [None, None]


def test_what_changes_along_a_line_is_ordered_and_what_is_shuffled_is_not():
    rng = np.random.default_rng(0)
    points = np.stack([np.linspace(0, 1, N), np.zeros(N)], axis=1)
    known = {"redshift": points[:, 0], "mag_r": rng.permutation(points[:, 0])}
    found = structure.order(points, known, seed=0)
    assert found["redshift"]["moran"] > 0.99 and found["redshift"]["r2"] > 0.99
    assert abs(found["mag_r"]["moran"]) < 0.1 and found["mag_r"]["r2"] < 0.1 and found["mag_r"]["moran_null"] < 0.1


def test_no_galaxy_is_its_own_neighbour():
    points = np.repeat(np.arange(N // 2), 2)[:, None].astype(float)  # pairs at the same place, with opposite values
    values = np.tile([-1.0, 1.0], N // 2)
    assert structure.order(points, {"redshift": values}, seed=0)["redshift"]["moran"] < 0


def test_kinds_have_numbers_only_where_there_are_several():
    assert structure.kinds({"MORPHOLOGY": np.array(["disc", "bar", "disc"])})["morphology"].tolist() == [1, 0, 1]
    assert structure.kinds({"MORPHOLOGY": np.array(["disc", "disc"])}) == structure.kinds({}) == {}
    unknown = structure.kinds({"MORPHOLOGY": np.array(["disc", "", "bar"])})["morphology"]
    assert np.array_equal(unknown, [1, np.nan, 0], equal_nan=True)
    assert structure.kinds({"MORPHOLOGY": np.array(["disc", ""])}) == {}


def test_kinds_are_compared_as_they_are():
    rng = np.random.default_rng(0)
    kind = rng.choice(3, N, p=[0.9, 0.05, 0.05]).astype(float)  # nine tenths of the bins would be one
    assert structure.group_ami(kind.astype(int), {"morphology": kind}, seed=0)[0]["morphology"] == pytest.approx(1)
