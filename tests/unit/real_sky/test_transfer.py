"""Redshifts of real galaxies from mock neighbours, where the answer is known."""

import numpy as np
import pytest

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.errors import BookError
from real_sky.sky.transfer import scores, transfer, worst

K = 4


class Compass:
    """Stands for a model: a spectrum's first pixel is the angle at which it lies on the circle."""

    def embed_spectra(self, flux):
        return on_circle(flux[:, 0])


def on_circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


@pytest.fixture
def gallery():
    """A mock whose redshift is its angle; its test split lies elsewhere and must not answer."""
    redshift = np.linspace(0.0, 0.6, 601).astype(np.float32)
    split = np.repeat([0, 1, 2], [400, 101, 100]).astype(np.uint8)
    order = np.random.default_rng(0).permutation(601)
    split = split[order]
    vectors = on_circle(redshift)
    return Embeddings(vectors, vectors, np.arange(601), np.where(split == 2, 9, redshift).astype(np.float32), split)


def test_a_perfect_space_gives_the_redshifts_back(gallery):
    redshift = np.array([0.01, 0.1, 0.2, 0.3, 0.45, 0.7])
    found = transfer(Compass(), gallery, redshift[:, None], redshift, K)
    np.testing.assert_array_equal(found["row"], [1, 2, 3, 4])  # 0.01 and 0.7 are out of range
    np.testing.assert_allclose(found["prediction"], redshift[1:5], atol=3e-3)
    assert found["n"] == 4 and found["r2"] > 0.999 and found["failures"] == 0 and found["nmad"] < 0.003
    assert not (gallery.split[found["nearest"]] == 2).any()


def test_a_confused_galaxy_is_named_with_the_mock_galaxies_behind_it(gallery):
    redshift = np.array([0.05, 0.1, 0.2, 0.3, 0.4])
    seen_at = np.array([0.30, 0.1, 0.2, 0.3, 0.4])
    found = transfer(Compass(), gallery, seen_at[:, None], redshift, K)
    assert found["failures"] == pytest.approx(1 / 5)
    assert worst(found, 1).tolist() == [0]
    assert gallery.redshift[found["nearest"][0]] == pytest.approx(0.3, abs=5e-3)
    assert gallery.redshift[found["nearest_at_truth"][0]] == pytest.approx(0.05, abs=0.0105)


def test_no_mock_galaxy_at_the_true_redshift(gallery):
    far = Embeddings(gallery.image, gallery.spectrum, gallery.targetid, gallery.redshift + 0.3, gallery.split)
    found = transfer(Compass(), far, np.array([[0.1], [0.2]]), np.array([0.1, 0.4]), K)
    assert found["nearest_at_truth"][0] == -1 and found["nearest_at_truth"][1] >= 0


def test_too_few_real_galaxies_are_refused(gallery):
    with pytest.raises(BookError, match="1 of the 2 real spectra"):
        transfer(Compass(), gallery, np.ones((2, 1)), np.array([0.1, 1.5]), K)


def test_scores_of_known_errors():
    truth = np.linspace(0.1, 0.4, 100)
    error = np.where(np.arange(100) < 15, 0.06, 0.0) * (1 + truth)
    found = scores(truth, truth + error, 300, 0)
    assert found["failures"] == pytest.approx(0.15) and found["nmad"] == pytest.approx(0, abs=1e-12)
    low, high = found["failures_ci95"]
    assert 0.05 < low < 0.15 < high < 0.25
    normal = np.random.default_rng(1).normal(0, 0.01, 100)
    assert scores(truth, truth + normal * (1 + truth), 10, 0)["nmad"] == pytest.approx(0.01, rel=0.3)
