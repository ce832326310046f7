import numpy as np
import pytest

from astroclip_book import search
from astroclip_book.errors import BookError
from astroclip_book.search import four_directions, neighbours


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
    monkeypatch.setattr(search, "BLOCK", 7)
    parts = neighbours(query, gallery, 5)
    assert np.array_equal(whole[0], parts[0])
    assert np.allclose(whole[1], parts[1], atol=1e-6)


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
