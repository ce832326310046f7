import numpy as np
import pytest
from planted import unit

from astroclip_book.errors import BookError
from astroclip_book.evaluate.search import four_directions, nearest, neighbours, others, shared


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0).standard_normal((237, 16))).astype(np.float32)


def test_both_searches_equal_a_full_sort(vectors):
    query, gallery = vectors[:37], vectors[37:]
    cosine = query @ gallery.T
    rows, found = neighbours(query, gallery, 7)
    assert np.array_equal(rows, np.argsort(-cosine, axis=1)[:, :7])
    np.testing.assert_allclose(found, np.sort(cosine, axis=1)[:, ::-1][:, :7], atol=1e-6)
    again, distance = nearest(query, gallery, 7)  # on unit vectors the order of distance is that of the cosine
    assert np.array_equal(again, rows)
    np.testing.assert_allclose(distance, np.sqrt(2 - 2 * found), atol=1e-3)


@pytest.mark.parametrize("n_query", [5, 100])  # FAISS takes another way for many queries
def test_distances_far_from_the_origin_are_exact_and_0_where_points_coincide(n_query):
    rng = np.random.default_rng(0)
    gallery = 1000 + rng.standard_normal((300, 4))
    query = np.concatenate([gallery[:1], 1000 + rng.standard_normal((n_query - 1, 4))])
    rows, distance = nearest(query, gallery, 300)
    assert distance[0, 0] == 0 and rows[0, 0] == 0 and (distance[1:] > 0).all()
    np.testing.assert_allclose(distance, np.linalg.norm(gallery[rows] - query[:, None], axis=2), rtol=2e-3)


@pytest.mark.parametrize("find", [neighbours, nearest])
@pytest.mark.parametrize("k", [0, 11])
def test_k_out_of_range(find, k, vectors):
    with pytest.raises(BookError, match="between 1 and 10"):
        find(vectors[:10], vectors[:10], k)


def test_no_query_is_its_own_neighbour_even_where_others_coincide_with_it(vectors):
    doubled = np.concatenate([vectors[:20], vectors[:20], vectors[:20]])
    rows = np.arange(60)
    found = others(neighbours(doubled, doubled, 3)[0], rows, 2)
    assert found.shape == (60, 2) and not (found == rows[:, None]).any()
    assert (found % 20 == rows[:, None] % 20).all()


def test_shared():
    assert shared(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 5]])).tolist() == [1, 0.5]


def test_four_directions_leave_out_the_query_within_its_modality_only():
    vectors = {"image": np.eye(5, dtype=np.float32), "spectrum": np.eye(5, dtype=np.float32)}
    found = four_directions(vectors, query=3, k=2)
    assert set(found) == {(a, b) for a in vectors for b in vectors}
    assert found["image", "spectrum"][0][0] == found["spectrum", "image"][0][0] == 3
    assert 3 not in found["image", "image"][0] and 3 not in found["spectrum", "spectrum"][0]
    assert all(len(rows) == len(cosine) == 2 for rows, cosine in found.values())
