"""What a catalogue knows, rare kinds, and probes by labels, on cases whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from astroclip_book.data.pairs import IMAGE_SIZE, PIXEL_SCALE, Embeddings
from astroclip_book.evaluate.properties import (
    ACTIVE,
    APERTURES,
    FEWEST,
    aperture_photometry,
    boosted,
    fit_chosen,
    from_redshift,
    known_properties,
    photometry,
    rare_kinds,
    scored,
    too_few,
)
from mock_survey.spectra.lines import KINDS

N, M, D = 600, 400, 12
NEAR = KNeighborsRegressor(weights="distance"), {"n_neighbors": [4, 16, 64]}
LINE = Ridge(), {"alpha": [1e-3, 1.0, 1e3]}


@pytest.fixture
def galaxies():
    """Redshifts and splits alone."""
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.02, 0.5, N).astype(np.float32)
    return Embeddings(None, None, np.arange(N), redshift, rng.permutation(np.repeat([0, 1, 2], [400, 80, 120])))


def test_scores_of_redshifts_are_in_units_of_one_plus_z_and_those_of_masses_in_dex():
    rng = np.random.default_rng(1)
    truth, noise = rng.uniform(0, 3, 4000), rng.normal(0, 0.02, 4000)
    z = scored("redshift", truth, truth + (1 + truth) * noise, 100, 0)
    mass = scored("log_mstar", truth, truth + noise, 100, 0)
    assert z["nmad"] == pytest.approx(0.02, rel=0.06) and mass["scatter"] == pytest.approx(0.02, rel=0.06)
    assert z["outliers_005"] == pytest.approx(0.0124, abs=0.006) and z["outliers_015"] == 0
    for score, name in ((z, "nmad"), (z, "outliers_005"), (mass, "scatter"), (mass, "r2")):
        low, high = score[f"{name}_ci95"]
        assert low < score[name] < high


def test_what_a_catalogue_knows_in_its_units(galaxies):
    mass = 9 + 3 * galaxies.redshift
    mass[:60], mass[60:70] = np.nan, -999
    catalog = {"LOG_MSTAR": mass, "TAGE_MW": 5 + galaxies.redshift, "Z_MW": np.full(N, np.nan), "LOG_SSFR": -mass}
    known = known_properties(galaxies, catalog)
    assert list(known) == ["redshift", "log_mstar", "log_ssfr", "log_tage_mw"]  # metallicity is known of none
    assert np.isnan(known["log_mstar"][:70]).all() and np.isfinite(known["log_mstar"][70:]).all()
    solar = known_properties(galaxies, {"Z_MW": np.full(N, 0.02)})
    assert solar["log_z_mw"][0] == pytest.approx(np.log10(0.02))
    assert list(known_properties(galaxies, {})) == ["redshift"]


def test_trees_learn_from_new_columns_and_nothing_from_copies(galaxies):
    rng, test = np.random.default_rng(1), galaxies.where("test")
    x = rng.normal(size=(N, 2))
    y = x @ [1.0, 0.7] + 0.1 * rng.normal(size=N)
    y[:5] = np.nan
    known = test[np.isfinite(y[test])]

    def score(table, **columns):
        return r2_score(y[known], boosted(table, y, galaxies, 0, **columns))

    alone = score(x[:, :1])
    assert score(x[:, [0, 0, 0]]) == pytest.approx(alone, abs=0.01)
    assert score(x, columns=(1, 2)) == score(x) > alone + 0.2


def test_what_redshift_says_of_a_property_and_what_it_leaves(galaxies):
    rng, z, test = np.random.default_rng(2), galaxies.redshift.copy(), galaxies.where("test")
    rest = rng.normal(size=N)
    y = np.log10(z) / np.log10(z).std() + rest
    y[test[:3]], z[test[3]] = np.nan, np.nan
    told = from_redshift(z, y, galaxies)
    assert np.isnan(told[test[:4]]).all() and np.isfinite(told[test[4:]]).all()
    assert 0.35 < r2_score(y[test[4:]], told[test[4:]]) < 0.65  # half the variance
    assert np.corrcoef((y - told)[test[4:]], rest[test[4:]])[0, 1] > 0.98


def test_photometry_is_a_magnitude_two_colours_and_a_size():
    catalog = {"MAG_G": np.array([19.0]), "MAG_R": np.array([18.0]), "MAG_Z": np.array([17.5])}
    np.testing.assert_allclose(photometry(catalog), [[18, 1, 0.5]])
    np.testing.assert_allclose(photometry(catalog | {"HALF_LIGHT_RADIUS": np.array([10.0])}), [[18, 1, 0.5, 1]])
    assert np.isnan(photometry(catalog | {"MAG_G": np.array([-99.0])})[0, 1])
    assert photometry({"MAG_G": np.zeros(1)}) is None


def test_photometry_measured_on_images_is_that_of_their_light():
    """A Gaussian galaxy of known flux and colours on noise of known strength; and an image that lacks a band."""
    y, x = np.indices((IMAGE_SIZE, IMAGE_SIZE)) - (IMAGE_SIZE - 1) / 2
    sigma, flux, noise = 4.0, np.array([50.0, 100.0, 150.0]), np.array([0.002, 0.004, 0.01])
    light = np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    images = light[..., None] * flux + noise * np.random.default_rng(0).standard_normal((40, IMAGE_SIZE, IMAGE_SIZE, 3))
    images[0, :, :, 0] = 0
    pairs = SimpleNamespace(index=images, images=lambda rows: images[rows].astype(np.float32))
    measured = aperture_photometry(pairs, block=7)
    assert measured.shape == (40, 18) and np.isfinite(measured).all()
    inside = 1 - np.exp(-((np.array(APERTURES) / PIXEL_SCALE) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(np.median(measured[:, :5], axis=0), 22.5 - 2.5 * np.log10(100 * inside), atol=0.01)
    np.testing.assert_allclose(np.median(measured[:, 5:10], axis=0), 2.5 * np.log10(2), atol=0.01)
    np.testing.assert_allclose(np.median(measured[:, 10:15], axis=0), 2.5 * np.log10(1.5), atol=0.01)
    np.testing.assert_allclose(np.median(measured[1:, 15:], axis=0), noise, rtol=0.01)


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


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(M, D))


def test_what_is_random_is_chosen_against_and_what_is_linear_is_found(vectors):
    y = vectors @ np.arange(D)
    model, chosen, score = fit_chosen(*LINE, vectors[:300], vectors[:300], y[:300])
    assert chosen == {"alpha": 1e-3} and score == pytest.approx(0, abs=1e-3)
    assert r2_score(y[300:], model.predict(vectors[300:])) > 0.999
    noise = np.random.default_rng(1).normal(size=M)
    assert fit_chosen(*LINE, vectors[:20], vectors[:20], noise[:20])[1] == {"alpha": 1e3}


def test_choices_are_made_in_the_modality_that_is_asked(vectors):
    """The fitted vectors tell the label exactly; those asked follow them in half of the numbers only."""
    y, asked = vectors @ np.ones(D), vectors.copy()
    asked[:, D // 2 :] = 30 * np.random.default_rng(1).normal(size=(M, D // 2))
    assert fit_chosen(*LINE, vectors, vectors, y)[1] == {"alpha": 1e-3}
    assert fit_chosen(*LINE, vectors, asked, y)[1] == {"alpha": 1e3}


def test_no_more_neighbours_than_a_fold_has(vectors):
    assert fit_chosen(*NEAR, vectors[:10], vectors[:10], vectors[:10, 0])[1]["n_neighbors"] in (4, 8)


def test_classes_are_chosen_by_the_score_that_is_asked_for(vectors):
    y = (vectors[:, 0] > 1).astype(int)
    grid = {"C": [1e-6, 1.0]}
    model, chosen, score = fit_chosen(LogisticRegression(), grid, vectors, vectors, y, scoring="balanced_accuracy")
    assert chosen == {"C": 1.0} and score > 0.9 and model.predict(vectors).sum() > 0


def test_a_class_needs_members_to_learn_from_and_to_test(vectors):
    split = Embeddings(None, None, np.arange(M), np.zeros(M), np.repeat([0, 2], M // 2))
    members = np.zeros(M, bool)
    members[:50] = True
    assert too_few(split, members)
    members[-FEWEST:] = True
    assert not too_few(split, members)
