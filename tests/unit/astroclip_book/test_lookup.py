"""Redshifts with an interval, neighbours, and warnings about what a run has not seen."""

from contextlib import nullcontext

import numpy as np
import pytest
from planted import unit
from scipy.stats import kstest

from astroclip_book.data.files import write_hdf5, write_json
from astroclip_book.data.pairs import Embeddings
from astroclip_book.errors import BookError
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.lookup import INTERVAL, LEVEL, Novelty, Reference

CHOICES = {"k": 8, "weighting": "distance", "pz_k": 16, "pz_weighting": "uniform"}


def galaxies(n, rng):
    """Redshifts, features that tell them with noise, and unit vectors made of these."""
    redshift = rng.uniform(0.1, 0.5, n)
    seen = redshift + rng.normal(0, 0.02, n)
    features = np.stack([np.sin(6 * seen), np.cos(6 * seen), rng.normal(size=n), rng.normal(2, 0.5, n)], axis=1)
    vectors = np.concatenate([3 * features[:, :2], 0.2 * features[:, 2:3]], axis=1)
    return redshift, features.astype(np.float32), unit(vectors).astype(np.float32)


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    redshift, features, vectors = galaxies(2400, rng)
    split = np.repeat(np.arange(3, dtype=np.uint8), [1600, 600, 200])
    embeddings = Embeddings(vectors, vectors, 1000 + np.arange(2400), redshift.astype(np.float32), split)
    return Reference(embeddings, "spectrum", features, CHOICES)


def test_objects_like_the_runs_are_known(reference):
    redshift, features, vectors = galaxies(500, np.random.default_rng(3))
    found = reference.look_up(features, vectors, 3)
    assert photoz.nmad(photoz.errors(redshift, found.redshift)) < 0.03
    assert np.mean((found.low <= redshift) & (redshift <= found.high)) == pytest.approx(INTERVAL, abs=0.07)
    assert found.unusual.mean() < 0.06
    np.testing.assert_array_equal(found.targetid, 1000 + found.row)
    assert (np.diff(found.cosine, axis=1) <= 0).all()


def test_strange_features_are_told_though_the_embedding_hides_them(reference):
    _, features, vectors = galaxies(3, np.random.default_rng(4))
    features[0, 2], features[1, 3] = 9, 0.1  # the first has strange features, the second no signal
    vectors[2] = [0, 0, 1]
    found = reference.look_up(features, vectors, 1)
    assert found.unusual.all()
    assert "frozen features" in found.warning(0) and "hardly any signal" in found.warning(1)
    assert "embedding" in found.warning(2) and "embedding" not in found.warning(0)


def test_too_bright_and_too_near_are_said_as_such(reference):
    _, features, vectors = galaxies(5, np.random.default_rng(4))
    features[:, 3] = [2, 4.5, 2, 2, 4.5]
    redshift, relative = np.array([np.nan, np.nan, 0.02, 0.9, 0.3]), np.arange(5) == 4
    found = reference.look_up(features, vectors, 1, redshift, relative)
    assert found.warning(0) == "" and not found.unusual[0]
    assert "too bright" in found.warning(1) and "signal" not in found.warning(1)
    assert "too near" in found.warning(2) and "too far" in found.warning(3)
    # A spectrum without its level may be of any brightness.
    assert found.novelty["signal"][4] == 1 and "brightness is unknown" in found.warning(4)
    assert all(((0 < p) & (p <= 1)).all() for p in found.novelty.values())
    for k in (2.5, "5", 0, None):
        with pytest.raises(BookError, match="choose a whole k between 1 and 2400"):
            reference.look_up(features, vectors, k)


def test_p_values_of_objects_drawn_alike_are_uniform():
    rng = np.random.default_rng(5)
    (_, *train), (z, *validation), (known, *others) = (galaxies(n, rng) for n in (1500, 1500, 1500))
    novelty = Novelty(*train, *validation, {"redshift": z, "signal": validation[0][:, 3]})
    for p in novelty(*others, {"redshift": known, "signal": others[0][:, 3]})[0].values():
        assert kstest(p, "uniform").statistic < 0.06 and p.min() > 0


def test_few_validation_objects_call_nothing_unusual():
    rng = np.random.default_rng(6)
    (_, *train), (_, *validation), (_, *others) = (galaxies(n, rng) for n in (100, 50, 10))
    p, _ = Novelty(*train, *validation, {})(others[0] + 100, others[1], {})
    assert (p["features"] > LEVEL).all()


def test_a_run_without_its_chapters_or_with_a_damaged_file_is_refused(tmp_path):
    with pytest.raises(BookError, match="chapters 04 and 06"):
        Reference.from_run(tmp_path, "image")
    write_json(tmp_path / "metrics.json", {"property": {"redshift": {"image": CHOICES}}})
    (tmp_path / "features.h5").write_bytes(b"cut off")
    with pytest.raises(BookError, match="damaged"):
        Reference.from_run(tmp_path, "image")


def test_a_run_whose_images_and_spectra_are_in_different_orders_is_refused(tmp_path):
    redshift, features, vectors = galaxies(1000, np.random.default_rng(6))
    write_json(tmp_path / "metrics.json", {"property": {"redshift": {"image": CHOICES}}})
    write_hdf5(tmp_path / "features.h5", {"image": {"clean": features}})
    split = np.repeat(np.arange(3, dtype=np.uint8), [500, 200, 300])
    for order, refused in ((np.arange(1000), False), (np.random.default_rng(7).permutation(1000), True)):
        embeddings = Embeddings(vectors, vectors[order], np.arange(1000), redshift.astype(np.float32), split)
        write_hdf5(tmp_path / "embeddings.h5", vars(embeddings))
        with pytest.raises(BookError, match="embeddings.h5 do not belong together") if refused else nullcontext():
            Reference.from_run(tmp_path, "image")
