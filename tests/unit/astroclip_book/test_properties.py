"""What is predicted of galaxies, and from what else one could."""

import h5py
import numpy as np
import pytest

from astroclip_book.data.pairs import Embeddings, other_seeds
from astroclip_book.evaluate.properties import ACTIVE, known_properties, photometry, rare_kinds
from mock_survey.spectra.lines import KINDS

N = 600


def on_circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


@pytest.fixture(scope="module")
def embeddings():
    """The redshift is the angle, seen sharply in spectra and with scatter in images."""
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.02, 0.5, N).astype(np.float32)
    split = rng.permutation(np.repeat([0, 1, 2], [400, 80, 120])).astype(np.uint8)
    return Embeddings(on_circle(redshift + rng.normal(0, 0.05, N)), on_circle(redshift), np.arange(N), redshift, split)


@pytest.fixture(scope="module")
def catalog(embeddings):
    mass = 9 + 3 * embeddings.redshift
    mass[:60] = np.nan
    mass[60:70] = -999
    return {"LOG_MSTAR": mass, "TAGE_MW": 5 + embeddings.redshift, "Z_MW": np.full(N, np.nan), "LOG_SSFR": -mass}


def test_what_a_catalogue_knows_in_its_units(embeddings, catalog):
    known = known_properties(embeddings, catalog)
    assert list(known) == ["redshift", "log_mstar", "log_ssfr", "log_tage_mw"]  # metallicity is known of none
    assert np.isnan(known["log_mstar"][:70]).all() and np.isfinite(known["log_mstar"][70:]).all()
    solar = known_properties(embeddings, {"Z_MW": np.full(N, 0.02)})
    assert solar["log_z_mw"][0] == pytest.approx(np.log10(0.02))
    assert list(known_properties(embeddings, {})) == ["redshift"]


def test_photometry_is_a_magnitude_two_colours_and_a_size():
    catalog = {"MAG_G": np.array([19.0]), "MAG_R": np.array([18.0]), "MAG_Z": np.array([17.5])}
    np.testing.assert_allclose(photometry(catalog), [[18, 1, 0.5]])
    np.testing.assert_allclose(photometry(catalog | {"HALF_LIGHT_RADIUS": np.array([10.0])}), [[18, 1, 0.5, 1]])
    assert np.isnan(photometry(catalog | {"MAG_G": np.array([-99.0])})[0, 1])
    assert photometry({"MAG_G": np.zeros(1)}) is None


def test_embeddings_of_other_seeds(embeddings, tmp_path):
    path = tmp_path / "embeddings.h5"
    with h5py.File(path, "w") as file:
        for name, values in vars(embeddings).items():
            file[name] = values
    assert other_seeds(path) == []
    with h5py.File(path, "a") as file:
        for name in ("image", "spectrum"):
            file[f"others/{name}"] = np.stack([getattr(embeddings, name)[::-1]] * 2)
    others = other_seeds(path)
    assert len(others) == 2
    np.testing.assert_array_equal(others[1].image, embeddings.image[::-1])
    np.testing.assert_array_equal(others[1].split, embeddings.split)


def test_rare_kinds_are_those_the_catalogue_labels():
    catalog = {
        "ARTEFACT": np.array(["none", "chip_edge", "", "cosmic_ray"]),
        "MERGER": np.array([True, True, True, False]),
        "IONISATION": np.array(["seyfert", "liner", "composite", "seyfert"]),
    }
    kinds = {name: members.tolist() for name, members in rare_kinds(catalog).items()}
    assert kinds == {
        "artefact": [False, True, False, True],
        "merger": [True, True, True, False],
        "agn": [True, False, False, True],
    }
    assert rare_kinds({}) == rare_kinds({"MERGER": np.array([1, np.nan, np.nan])}) == {}
    assert set(ACTIVE) < set(KINDS)
