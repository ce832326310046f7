"""What a catalogue knows of galaxies and is predicted of them, which of them are rare, and probes fitted to few labels."""

import itertools

import numpy as np
import threadpoolctl
from photutils.aperture import CircularAperture
from scipy.stats import median_abs_deviation
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from astroclip_book.data.pairs import BANDS, IMAGE_SIZE, PIXEL_SCALE, Pairs
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.knn import Roles, answers
from astroclip_book.evaluate.metrics import r2, standardise, with_interval

# name: (modality whose neighbours are averaged, modality that is asked about)
DIRECTIONS = {"image": ("image", "image"), "spectrum": ("spectrum", "spectrum")}
DIRECTIONS |= {"cross": ("spectrum", "image"), "cross_spectrum": ("image", "spectrum")}
FEW = 2  # with fewer known values in a split, R² has no meaning
ACTIVE = ("seyfert",)  # of the mock's ``IONISATION``: young stars light composites too, old stars its liners
FEWEST = 5  # members of a class among those that train and those that are tested, or it is left out
APERTURES = (0.75, 1.5, 3.0, 6.0, 12.0)  # arcsec, radii: from a star's image to galaxies as large as the field allows
CLEAN = ("none", "")  # an image without a defect, and one that nobody labelled


def known_properties(split, catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What can be predicted and checked, by name, (N,) each and NaN where unknown.

    ``redshift``, that of ``split`` (`Embeddings` or `Index`); ``log_mstar`` (log10 solar masses), ``log_ssfr`` (log10 of star
    formation per stellar mass, 1/yr), ``log_tage_mw`` (log10 of the mean age of the stars by mass, Gyr) and ``log_z_mw`` (log10 of
    the metal fraction) by the columns of a catalogue aligned with it, as far as `with_enough` keeps them.
    """

    def column(name: str, lowest: float = -np.inf) -> np.ndarray:
        values = catalog.get(name, np.full(len(split.redshift), np.nan))
        return np.where(np.isfinite(values) & (values > lowest), values, np.nan)

    # Masses, ages and metallicities that are not positive stand for a fit that failed.
    known = {"redshift": split.redshift, "log_mstar": column("LOG_MSTAR", 0), "log_ssfr": column("LOG_SSFR")}
    known |= {"log_tage_mw": np.log10(column("TAGE_MW", 0)), "log_z_mw": np.log10(column("Z_MW", 0))}
    return with_enough(split, known)


def with_enough(split, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of some values (N,) that are known of at least `FEW` objects in each split."""
    return {name: values for name, values in known.items() if min(map(len, Roles.known(split, values))) >= FEW}


def scored(name: str, truth: np.ndarray, prediction: np.ndarray, bootstrap: int, seed: int) -> dict:
    """R² of predictions (n,) and the size of their errors, each with its 95 % interval.

    Of ``redshift`` these are `photoz.statistics`, of other properties the ``scatter``, the same robust deviation in dex.
    """

    def statistic(truth, prediction):
        if name == "redshift":
            return r2(truth, prediction) | photoz.statistics(truth, prediction)
        return r2(truth, prediction) | {"scatter": photoz.nmad(prediction - truth)}

    return with_interval(statistic, (truth, prediction), bootstrap, seed)


def share(truth: np.ndarray, prediction: np.ndarray, best: np.ndarray) -> dict[str, float]:
    """R² of predictions (n,) as a share of that of other ones (n,), which must be above 0."""
    return {"share": r2(truth, prediction)["r2"] / r2(truth, best)["r2"]}


def compared(known: dict, truth: dict[str, np.ndarray], split, config, seed: int) -> tuple[dict, dict]:
    """How well the four ways of `comparison.compare` predict values (N,), by way and name, and what share of the supervised R² is reached.

    Features predict by their nearest neighbours, as in `answers`. Shares are paired: both R² are of the same resamples.
    """
    predicted = {}
    for way in ("frozen", "random", "pca"):
        x = standardise(known[way], split.where("train"))
        for name, roles, answer in answers(x, x, split, truth, config.k):
            predicted[way, name] = truth[name][roles.test], answer.prediction
    for name, values in known["supervised"].items():
        y = truth[name][split.where("test")]
        predicted["supervised", name] = y[np.isfinite(y)], values[np.isfinite(y)]
    scores, shares = {}, {}
    for (way, name), both in predicted.items():
        scores.setdefault(way, {})[name] = scored(name, *both, config.bootstrap, seed)
    for name, score in scores["supervised"].items():
        if score["r2"] > 0:
            (y, frozen), (_, supervised) = predicted["frozen", name], predicted["supervised", name]
            one = with_interval(share, (y, frozen, supervised), config.bootstrap, seed)
            shares |= {name: one["share"], f"{name}_ci95": one["share_ci95"]}
    return scores, shares


def photometry(catalog: dict[str, np.ndarray]) -> np.ndarray | None:
    """What an image says in a few numbers (N, 3 or 4): r, g − r, r − z (mag), and log10 of the half-light radius if listed.

    NaN where something is missing or not positive; None if the catalogue has no magnitudes. In the mock these are the true
    ones, without noise: a hard baseline.
    """
    names = [name for name in ("MAG_G", "MAG_R", "MAG_Z", "HALF_LIGHT_RADIUS") if name in catalog]
    if names[:3] != ["MAG_G", "MAG_R", "MAG_Z"]:
        return None
    g, r, z, *size = (np.where(catalog[name] > 0, catalog[name], np.nan) for name in names)
    return np.stack([r, g - r, r - z, *map(np.log10, size)], axis=1)


def aperture_photometry(pairs: Pairs, block: int = 256) -> np.ndarray:
    """What the images of the pairs say in a few numbers (N, 18), measured in circles of `APERTURES` around their centre.

    These are r, then g − r, then r − z (AB magnitudes) in each of the five circles, and the noise of a pixel in g, r, z (nanomaggies), by the
    median absolute deviation beyond the largest circle. Noise makes faint fluxes negative, so magnitudes are inverse
    hyperbolic sines (Lupton et al. 1999, https://doi.org/10.1086/301004), softened by the sample's typical noise in the circle.
    """
    centre, shape = [(IMAGE_SIZE - 1) / 2] * 2, (IMAGE_SIZE, IMAGE_SIZE)
    circles = [CircularAperture(centre, radius / PIXEL_SCALE) for radius in APERTURES]
    weights = np.stack([circle.to_mask().to_image(shape) for circle in circles]).astype(np.float32)
    weights, flux, noise = weights.reshape(len(circles), -1), [], []
    sky = np.flatnonzero(weights[-1] == 0)[::8]  # every eighth pixel tells the noise to 2 %
    for start in range(0, len(pairs.index), block):
        images = pairs.images(np.arange(start, min(start + block, len(pairs.index))))
        images = images.reshape(len(images), -1, len(BANDS))
        flux.append(weights @ images)
        noise.append(median_abs_deviation(images[:, sky], axis=1, scale="normal"))
    flux, noise = np.concatenate(flux), np.concatenate(noise)
    softening = np.maximum(np.median(noise, axis=0), 1e-6) * np.sqrt([[circle.area] for circle in circles])
    magnitudes = 22.5 - 2.5 / np.log(10) * (np.arcsinh(flux / (2 * softening)) + np.log(softening))
    g, r, z = np.moveaxis(magnitudes, 2, 0)
    return np.concatenate([r, g - r, r - z, noise], axis=1)


# On cores that another chapter uses too, several threads would wait for each other.
@threadpoolctl.threadpool_limits.wrap(limits=1)
def boosted(x: np.ndarray, y: np.ndarray, split, seed: int, columns: tuple[int | None, ...] = (None,)) -> np.ndarray:
    """Predictions of gradient-boosted trees from a table (N, d) for the test objects whose value (N,) is known, not NaN.

    The validation objects choose the number and the size of the trees, and how many of the first columns they use (None: all).
    ``split`` is as for `Roles.known`.
    """

    def trees(leaves: int, n: int) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            max_leaf_nodes=leaves, max_iter=n, max_bins=63, early_stopping=False, random_state=seed
        )

    roles, choices = Roles.known(split, y), {}
    for seen, leaves in itertools.product(columns, (8, 31)):
        fitted = trees(leaves, 300).fit(x[roles.train, :seen], y[roles.train])
        for n, told in enumerate(fitted.staged_predict(x[roles.validation, :seen]), start=1):
            choices[seen, leaves, n] = r2(y[roles.validation], told)["r2"]
    seen, leaves, n = max(choices, key=choices.get)
    return trees(leaves, n).fit(x[roles.gallery, :seen], y[roles.gallery]).predict(x[roles.test, :seen])


def from_redshift(redshift: np.ndarray, y: np.ndarray, split) -> np.ndarray:
    """Predictions (N,) of values (N,) from redshift (N,) alone, NaN where either is unknown: a cubic spline, fitted without the test objects."""
    both = np.isfinite(redshift) & np.isfinite(y)
    gallery, told = Roles.known(split, np.where(both, y, np.nan)).gallery, np.full(len(y), np.nan)
    spline = make_pipeline(SplineTransformer(n_knots=8, knots="quantile", extrapolation="linear"), Ridge(1e-3))
    told[both] = spline.fit(redshift[gallery, None], y[gallery]).predict(redshift[both, None])
    return told


def rare_kinds(catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which objects (n,) are of a rare kind, ``artefact``, ``merger`` or ``agn``, as far as the catalogue has the labels.

    These are ``ARTEFACT`` (kind of the image's defect), ``MERGER`` (bool) and ``IONISATION`` (what lights the gas). An object
    that the catalogue does not know is of no kind; a kind without two members, who could find each other, is left out.
    """
    kinds = {}
    if "ARTEFACT" in catalog:
        kinds["artefact"] = ~np.isin(catalog["ARTEFACT"], CLEAN)
    if "MERGER" in catalog:
        kinds["merger"] = np.asarray(catalog["MERGER"]) == 1  # −1 and NaN: not known
    if "IONISATION" in catalog:
        kinds["agn"] = np.isin(catalog["IONISATION"], ACTIVE)
    return {name: members for name, members in kinds.items() if members.sum() >= 2}


def held_out(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to fit and to hold out of n labels in random order: each fifth in turn, or one of more than 100 labels."""
    parts = [np.arange(n)[start::5] for start in range(5 if n <= 100 else 1)]
    return [(np.setdiff1d(np.arange(n), part), part) for part in parts]


def fit_chosen(
    model: BaseEstimator, grid: dict, fitted: np.ndarray, asked: np.ndarray, y: np.ndarray, folds=None, scoring=None
) -> tuple[BaseEstimator, dict, float]:
    """A scikit-learn model fitted to n labels ``y`` with those values of a ``grid``, lists by parameter, that do best on labels held out.

    ``fitted`` and ``asked`` (n, d) are what it is fitted to and asked about: two modalities of the same objects, or one twice.
    ``folds`` are pairs of positions to fit and to hold out, by default those of `held_out`; ``scoring`` is as scikit-learn takes
    it, by default the mean squared error. Of numbers of neighbours, those are tried that a fold has. Returned are the model
    fitted to all n, the values chosen, and the mean score over the folds.
    """
    n, folds, grid = len(y), folds or held_out(len(y)), dict(grid)
    if "n_neighbors" in grid:
        least = min(len(fit) for fit, _ in folds)
        grid["n_neighbors"] = sorted({min(k, least) for k in grid["n_neighbors"]})
    across = [(fit, n + held) for fit, held in folds]  # what is asked stands below what is fitted
    search = GridSearchCV(model, grid, scoring=scoring or "neg_mean_squared_error", cv=across, refit=False)
    search.fit(np.concatenate([fitted, asked]), np.concatenate([y, y]))
    best = search.best_params_
    return clone(model).set_params(**best).fit(fitted, y), best, float(search.best_score_)


def too_few(split, members: np.ndarray) -> bool:
    """Whether a class (N,) bool has too few members to learn it from or to test it on; ``split`` has ``where(name)``."""
    return min(members[split.where(name)].sum() for name in ("train", "test")) < FEWEST
