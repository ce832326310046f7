"""Makes ``src/mock_survey/population.json`` of fits of the five kcorrect templates to real galaxies: ``python datasets/fit_population.py <directory>``."""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.mixture import GaussianMixture

from astroclip_book.data.catalog import COSMOLOGY
from mock_survey import population, sed

COMPONENTS = 20  # with 8, medians of colours are off by 0.1 mag in places
BINS, FEW = (15, 16), 30  # of redshift and magnitude; galaxies in a bin below which it is not raised further
WELL_FITTED = 10  # chi² of five bands
SDSS_LIMIT = 17.77  # r, of the main sample of galaxies
LIMIT, NEAR, FAR = 19.8, 0.04, 0.26  # of the GAMA sample: r magnitude, redshifts


def fit(directory: Path) -> dict:
    """Mixture of template mixes with redshift and luminosity, and luminosity function, of ``kcorrect5_coefficients.npz``.

    The file has fits to 51,047 galaxies of SDSS (``gst_``, ``train_``: blanton144/kcorrect) and of GAMA DR4 (``gama_``: desihub/LSS).
    """
    file = np.load(directory / "mock_targets" / "kcorrect5_coefficients.npz", allow_pickle=False)
    galaxies = {name: _galaxies(file, name) for name in ("gst", "train", "gama")}
    x = np.concatenate([np.column_stack([z, m, population.log_ratios(c)]) for z, m, c, _ in galaxies.values()])
    # Only what follows from redshift and luminosity is used, so these may be evened out: rare ones are to be met as well.
    count, *edges = np.histogram2d(x[:, 0], x[:, 1], bins=BINS)
    cell = tuple(np.clip(np.digitize(x[:, i], edges[i]) - 1, 0, BINS[i] - 1) for i in (0, 1))
    weight = 1 / np.maximum(count[cell], FEW)
    rows = np.random.default_rng(0).choice(len(x), len(x), p=weight / weight.sum())
    mixture = GaussianMixture(COMPONENTS, reg_covar=1e-3, max_iter=300, random_state=0).fit(x[rows])
    parts = {"weights": mixture.weights_, "means": mixture.means_, "covariances": mixture.covariances_}
    four_digits = np.vectorize(lambda value: float(f"{value:.4g}"))
    rounded = {name: four_digits(values).tolist() for name, values in parts.items()}
    reach = np.percentile(x[:, :2], [0.1, 99.9], axis=0).T.round(3).tolist()
    return {"n": len(x), "range": reach, **rounded, "luminosity_function": _luminosity_function(*galaxies["gama"])}


def _galaxies(file, name: str) -> tuple[np.ndarray, ...]:
    """Redshift, absolute r magnitude, template coefficients and apparent r magnitude of galaxies that the templates fit well."""
    z, c = file[f"{name}_z"].astype(float), file[f"{name}_coeffs"].astype(float)
    good = (file[f"{name}_chi2"] < WELL_FITTED) & (c.sum(axis=1) > 0) & (z > 0.01) & (z < 0.75)
    z, c, flux = z[good], c[good], file[f"{name}_maggies"][good, 2]
    r = -2.5 * np.log10(flux)
    if name == "train":  # nearer and fainter, it has galaxies that were chosen for their colour
        kept = (r < SDSS_LIMIT) | (z > FAR)
        z, c, r = z[kept], c[kept], r[kept]
    return z, sed.absolute_magnitude(c, sed.REST_BAND) - COSMOLOGY.distmod(z).value, c, r


def _luminosity_function(z, magnitude, coefficients, apparent) -> dict:
    """Schechter function whose M* brightens linearly with redshift, by maximum likelihood (Sandage, Tammann & Yahil 1979)."""
    inside = (z > NEAR) & (z < FAR) & (apparent < LIMIT) & (magnitude < -17)
    z, magnitude, faintest = z[inside], magnitude[inside], (magnitude + LIMIT - apparent)[inside]
    faintest = np.minimum(faintest, -17)
    grid = np.linspace(-6, 8, 2801)  # of M - M*, from far brighter than any

    def cost(p):
        alpha, m_star, evolution = p
        x = 10 ** (-0.4 * grid)
        density = x ** (alpha + 1) * np.exp(-x) + 1e-300
        total = np.concatenate([[0], np.cumsum(0.5 * (density[1:] + density[:-1]))]) * (grid[1] - grid[0])
        star = m_star - evolution * (z - 0.1)
        y = 10 ** (-0.4 * (magnitude - star))
        return -np.sum((alpha + 1) * np.log(y) - y - np.log(np.interp(faintest - star, grid, total)))

    found = minimize(cost, [-1.2, -21.2, 1.0], method="Nelder-Mead")
    return dict(zip(("alpha", "m_star", "evolution"), np.round(found.x, 3).tolist(), strict=True))


if __name__ == "__main__":
    result = fit(Path(sys.argv[1]))
    target = Path(population.__file__).with_suffix(".json")
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
