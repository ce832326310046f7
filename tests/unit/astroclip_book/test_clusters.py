import numpy as np
import pytest
from planted import planted, unit
from sklearn.metrics import adjusted_mutual_info_score

from astroclip_book.errors import BookError
from astroclip_book.evaluate.space import clusters


def test_kmeans_finds_planted_groups():
    vectors, group = planted()
    found = clusters.kmeans(vectors, 3, seed=0)
    assert len(set(zip(found, group, strict=True))) == 3


def test_planted_groups_are_counted():
    curves = [clusters.silhouettes(planted(n_groups=4, seed=seed)[0], seed=0) for seed in (0, 1)]
    assert clusters.chosen(curves) == 4 and curves[0][4] > 0.8


def test_too_few_galaxies_to_count_clusters():
    with pytest.raises(BookError, match="analysis.n_clusters"):
        clusters.silhouettes(planted(n_each=1)[0], seed=0)


def test_galaxies_that_coincide_have_no_silhouettes():
    assert clusters.silhouettes(np.ones((9, 1)), seed=0) == {}
    with pytest.raises(BookError, match="coincide"):
        clusters.chosen([{}, {2: 0.5}])


def test_by_size_numbers_the_largest_zero():
    assert clusters.by_size(np.array([7, 2, 2, -1, 2, 7])).tolist() == [1, 0, 0, -1, 0, 1]


def test_match_undoes_a_renumbering():
    reference = np.array([0, 0, 1, 1, 2, 2, 2])
    assert clusters.match(reference, np.array([2, 2, 0, 0, 1, 1, 1])).tolist() == reference.tolist()


def test_agreement_of_equal_and_of_unrelated_clusters():
    group = np.repeat([0, 1, 2], 100)
    same = clusters.consistency(group, (group + 1) % 3, seed=0)
    shuffled = clusters.consistency(group, np.random.default_rng(3).permutation(group), seed=0)
    for name in ("cross_modal_ami", "cross_modal_ari"):
        assert same[name] == pytest.approx(1) and abs(same[f"{name}_null"]) < 0.05
        assert abs(shuffled[name]) < 0.05


def test_shuffled_groups_share_what_scikit_learn_says():
    rng = np.random.default_rng(0)
    groups, others = rng.integers(0, 3, 200), rng.integers(0, 5, 200)
    again = np.random.default_rng(1)
    expected = [adjusted_mutual_info_score(groups, again.permutation(others)) for _ in range(clusters.PERMUTATIONS)]
    np.testing.assert_allclose(clusters.shuffled_ami(groups, others, np.random.default_rng(1)), expected, atol=1e-12)


def test_stability_is_one_for_clear_groups_and_low_for_noise():
    clear = clusters.stability(planted()[0], 3, seed=0)
    assert clear["ari"] > 0.99 and min(clear["clusters"]) > 0.99 and len(clear["clusters"]) == 3
    noise = clusters.stability(unit(np.random.default_rng(0).standard_normal((90, 8))), 5, seed=0)
    assert noise["ari"] < 0.7 and max(noise["clusters"]) < 0.9


def test_a_group_is_found_again_as_far_as_they_overlap():
    members = np.array([True, True, True, False, False])
    assert clusters.found_again(members, np.array([1, 1, 0, 0, -1])) == pytest.approx(2 / 3)
    assert clusters.found_again(members, np.full(5, -1)) == 0
