import numpy as np
import pytest

from astroclip_book.errors import BookError
from astroclip_book.evaluate import approximate, search
from astroclip_book.evaluate.approximate import build_index, recall_of_index
from astroclip_book.evaluate.search import four_directions, nearest, nearest_in, neighbours


def unit(rng, n, d=16):
    vectors = rng.standard_normal((n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_equals_full_sort():
    rng = np.random.default_rng(0)
    query, gallery = unit(rng, 37), unit(rng, 200)
    index, cosine = neighbours(query, gallery, 7)
    scores = query @ gallery.T
    assert np.array_equal(index, np.argsort(-scores, axis=1)[:, :7])
    assert np.allclose(cosine, np.sort(scores, axis=1)[:, ::-1][:, :7], atol=1e-6)


def test_known_neighbours_on_a_circle():
    angle = np.radians([0, 10, 25, 90, 180])
    gallery = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    index, cosine = neighbours(gallery[:1], gallery, 4)
    assert index.tolist() == [[0, 1, 2, 3]]
    assert cosine[0] == pytest.approx(np.cos(angle[:4]), abs=1e-6)


def test_blocks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(1)
    query, gallery = unit(rng, 50), unit(rng, 60)
    whole = neighbours(query, gallery, 5)
    monkeypatch.setattr(search, "BLOCK", 7 * 60)
    parts = neighbours(query, gallery, 5)
    assert np.array_equal(whole[0], parts[0])
    assert np.allclose(whole[1], parts[1], atol=1e-6)


@pytest.mark.parametrize("tile", [1, 7, 64, 199])
def test_tiles_do_not_matter_even_when_they_hold_fewer_than_k(tile, monkeypatch):
    rng = np.random.default_rng(3)
    query, gallery = unit(rng, 30), unit(rng, 200)
    whole = [find(query, gallery, 9) for find in (neighbours, nearest)]
    monkeypatch.setattr(search, "TILE", tile)
    for expected, found in zip(whole, (find(query, gallery, 9) for find in (neighbours, nearest)), strict=True):
        assert np.array_equal(expected[0], found[0])
        assert np.allclose(expected[1], found[1], atol=1e-6)


@pytest.mark.parametrize("n", [1000, 1009, 1023])
def test_comparing_groups_first_finds_the_same(n, monkeypatch):
    rng = np.random.default_rng(2)
    query, gallery = unit(rng, 40), unit(rng, n)
    grouped = [find(query, gallery, 5) for find in (neighbours, nearest)]
    monkeypatch.setattr(search, "GROUP", n)  # one group: all scores are compared
    whole = [find(query, gallery, 5) for find in (neighbours, nearest)]
    for one, other in zip(grouped, whole, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.allclose(one[1], other[1], atol=1e-6)


def test_equal_cosines_come_in_gallery_order():
    gallery = np.tile([[1.0, 0.0]], (4, 1))
    assert neighbours(gallery[:1], gallery, 4)[0].tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("k", [0, 11])
def test_k_out_of_range(k):
    vectors = unit(np.random.default_rng(0), 10)
    with pytest.raises(BookError, match="between 1 and 10"):
        neighbours(vectors, vectors, k)


def test_bad_vectors():
    vectors = unit(np.random.default_rng(0), 10)
    with pytest.raises(BookError, match="query has vectors of length"):
        neighbours(2 * vectors, vectors, 1)
    broken = vectors.copy()
    broken[3, 0] = np.nan
    with pytest.raises(BookError, match="gallery has 1 vectors that are not finite"):
        neighbours(vectors, broken, 1)
    with pytest.raises(BookError, match="16 dimensions and the gallery 8"):
        neighbours(vectors, unit(np.random.default_rng(0), 10, 8), 1)
    with pytest.raises(BookError, match=r"shape \(n, d\)"):
        neighbours(vectors[0], vectors, 1)


def test_four_directions_leave_out_the_query_within_its_modality_only():
    vectors = {"image": np.eye(5, dtype=np.float32), "spectrum": np.eye(5, dtype=np.float32)}
    found = four_directions(vectors, query=3, k=2)
    assert set(found) == {(a, b) for a in vectors for b in vectors}
    assert found["image", "spectrum"][0][0] == found["spectrum", "image"][0][0] == 3
    assert 3 not in found["image", "image"][0] and 3 not in found["spectrum", "spectrum"][0]
    assert all(len(rows) == len(cosine) == 2 for rows, cosine in found.values())


def test_no_such_query():
    vectors = {"image": np.eye(5)}
    with pytest.raises(BookError, match="between 0 and 4"):
        four_directions(vectors, query=5, k=2)


@pytest.mark.parametrize("query", [-1, 5])
def test_no_such_query_in_features(query):
    with pytest.raises(BookError, match=f"no galaxy {query} among 5: .* between 0 and 4"):
        nearest_in(np.eye(5), np.array([0, query]), k=2)


def test_nearest_in_leaves_out_the_query():
    features = np.random.default_rng(0).standard_normal((30, 4))
    found = nearest_in(features, np.array([3, 7]), k=29)
    assert [sorted(row) for row in found.tolist()] == [[i for i in range(30) if i != query] for query in (3, 7)]


def clustered(rng, n, d=16):
    """Unit vectors about 40 centres, as far from these as these from each other."""
    vectors = unit(rng, 40, d)[rng.integers(40, size=n)] + 0.3 * unit(rng, n, d)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_index_is_exact_when_it_reads_all_lists():
    rng = np.random.default_rng(0)
    query, gallery = unit(rng, 30), unit(rng, 3000)
    index = build_index(gallery)
    index.nprobe = index.nlist
    for found, exact in zip(neighbours(query, index, 7), neighbours(query, gallery, 7), strict=True):
        np.testing.assert_allclose(found, exact, atol=1e-6)


def test_index_finds_nearly_all_in_clustered_vectors():
    vectors = clustered(np.random.default_rng(0), 10000)
    scores = recall_of_index(vectors[:200], vectors, 10)
    assert scores["recall_of_index"] > 0.95
    assert (scores["k"], scores["n"], scores["queries"]) == (10, 10000, 200)
    assert scores["probes"] == approximate.PROBES < scores["lists"] == 100


def test_same_gallery_same_index():
    vectors = clustered(np.random.default_rng(1), 5000)
    first, second = (neighbours(vectors[:50], build_index(vectors), 9) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_a_query_whose_lists_are_short_has_its_k_all_the_same():
    rng = np.random.default_rng(0)
    query, gallery = unit(rng, 5), unit(rng, 2000)
    index = build_index(gallery)
    index.nprobe = 1
    found, cosine = neighbours(query, index, 2000)
    assert all(sorted(row) == list(range(2000)) for row in found.tolist())
    assert (np.diff(cosine, axis=1) <= 0).all()


def test_small_galleries_have_an_index_too():
    gallery = unit(np.random.default_rng(0), 3)
    assert neighbours(gallery, build_index(gallery), 3)[0][:, 0].tolist() == [0, 1, 2]


def test_index_refuses_what_exact_search_refuses():
    rng = np.random.default_rng(0)
    vectors = unit(rng, 50)
    index = build_index(vectors)
    with pytest.raises(BookError, match="between 1 and 50"):
        neighbours(vectors, index, 51)
    with pytest.raises(BookError, match="8 dimensions and the gallery 16"):
        neighbours(unit(rng, 5, 8), index, 1)
    with pytest.raises(BookError, match="query has vectors of length"):
        neighbours(2 * vectors, index, 1)
    with pytest.raises(BookError, match="gallery has vectors of length"):
        build_index(2 * vectors)
