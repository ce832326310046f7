"""Redshift, stellar mass and more without labels in training: averages over nearest neighbours in an embedding."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.knn import CANDIDATES, Answer, Neighbours, Roles, on_test
from astroclip_book.evaluate.metrics import r2_interval, with_interval

# name: (modality whose neighbours are averaged, modality that is asked about)
DIRECTIONS = {
    "image": ("image", "image"),
    "spectrum": ("spectrum", "spectrum"),
    "cross": ("spectrum", "image"),
    "cross_spectrum": ("image", "spectrum"),
}
MAIN = ("redshift", "log_mstar")  # what the published works report, and the supervised networks learn
EARLIER_K = 16  # with weights by distance: Vrikkis 2024, https://github.com/av1518/AstroCLIP-Extention
FEW = 2  # with fewer known values in a split, R² has no meaning


def known_properties(embeddings: Embeddings, catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What can be predicted and checked, by name, (N,) each and NaN where unknown.

    Parameters
    ----------
    embeddings : Embeddings
    catalog : dict of (N,) arrays
        Columns under PROVABGS names, aligned with the embeddings' rows; those that are there are used.

    Returns
    -------
    dict of (N,) arrays
        ``redshift``; ``log_mstar`` (log10 solar masses), ``log_ssfr`` (log10 of star formation per stellar mass, 1/yr), ``log_tage_mw``
        (log10 of the mean age of the stars by mass, Gyr), ``log_z_mw`` (log10 of the metal fraction). Properties that are known of
        fewer than two objects of a split are left out.
    """

    def column(name: str, lowest: float = -np.inf) -> np.ndarray:
        values = catalog.get(name, np.full(len(embeddings.redshift), np.nan))
        return np.where(np.isfinite(values) & (values > lowest), values, np.nan)

    # Masses, ages and metallicities that are not positive stand for a fit that failed.
    known = {
        "redshift": embeddings.redshift,
        "log_mstar": column("LOG_MSTAR", 0),
        "log_ssfr": column("LOG_SSFR"),
        "log_tage_mw": np.log10(column("TAGE_MW", 0)),
        "log_z_mw": np.log10(column("Z_MW", 0)),
    }
    return with_enough(embeddings, known)


def with_enough(split: Embeddings, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of some values (N,) that are known of at least ``FEW`` objects in each split."""
    roles = {name: Roles.known(split, values) for name, values in known.items()}
    return {
        name: known[name]
        for name, role in roles.items()
        if min(map(len, (role.train, role.validation, role.test))) >= FEW
    }


def predict_properties(
    embeddings: list[Embeddings], known: dict[str, np.ndarray], config: Evaluation, seed: int
) -> tuple[dict, dict]:
    """k-NN regression of the test split in all directions.

    Neighbours are training and validation objects with a known value; k and weights are chosen with training objects as
    neighbours of validation objects; numbers are of test objects with a known value.

    Parameters
    ----------
    embeddings : list of Embeddings
        Those of the run; after them, those of heads from other seeds.
    known : dict of (N,) arrays
        What to predict, as `known_properties` gives it.
    config : Evaluation
    seed : int

    Returns
    -------
    scores : dict
        ``<property>.<direction>`` with ``r2``, ``r2_ci95``, ``n``; ``k``, ``weighting``; ``n_gallery``; ``n_unknown``, how many were
        left out of ``gallery`` and ``test`` because their value is unknown; ``r2_k16``, by 16 neighbours with weights by
        distance (None if the gallery is smaller). ``redshift`` and ``log_mstar`` have ``r2_seeds``, of all
        ``embeddings`` by the k of the first. Redshift has what `photoz.statistics` gives, with intervals, and of
        p(z) ``pz_k``, ``pz_weighting``, ``crps`` with its interval, ``crps_prior``, ``pit_ks``.
    predictions : dict
        For each property ``truth`` (n,) of the test objects and a prediction (n,) for each direction, NaN where unknown; with
        redshift also ``pit``: for each direction, the place (n,) of each true redshift in its p(z).
    """
    first = embeddings[0]
    sides = {"test": first.where("test"), "gallery": first.where("train", "validation")}
    metrics: dict = {name: {} for name in known}
    predictions: dict = {name: {"truth": values[sides["test"]]} for name, values in known.items()}
    predictions.get("redshift", {})["pit"] = {}
    most = max(config.k or 0, *CANDIDATES)
    for direction, (gallery, asked) in DIRECTIONS.items():
        spaces = [(getattr(one, gallery), getattr(one, asked)) for one in embeddings]
        searched: dict[bytes, list] = {}  # properties that are known of the same objects share their searches
        for name, y in known.items():
            key, roles = np.isfinite(y).tobytes(), Roles.known(first, y)
            if key not in searched:
                searched[key] = [
                    Neighbours(answering, roles.train, asking, roles.validation) for answering, asking in spaces[:1]
                ] + [Neighbours(answering, roles.gallery, asking, roles.test, most) for answering, asking in spaces]
            validation, near, *others = searched[key]
            answer, score = _predict(validation, near, roles, y, config, seed)
            score["n_unknown"] = {side: int(np.isnan(y[rows]).sum()) for side, rows in sides.items()}
            predictions[name][direction] = on_test(answer.prediction, predictions[name]["truth"])
            if name in MAIN:
                again = (other.answer(y, answer.k, answer.weighting).prediction for other in others)
                score["r2_seeds"] = [score["r2"], *(float(r2_score(y[roles.test], one)) for one in again)]
            if name == "redshift":
                place, more = _redshifts(validation, near, roles, y, answer, config, seed)
                score |= more
                predictions[name]["pit"][direction] = on_test(place, predictions[name]["truth"])
            metrics[name][direction] = score
    return metrics, predictions


def _predict(
    validation: Neighbours, near: Neighbours, roles: Roles, y: np.ndarray, config: Evaluation, seed: int
) -> tuple[Answer, dict]:
    answer = near.answer(y, *((config.k,) if config.k else validation.choose(y)))
    earlier = near.answer(y, EARLIER_K).prediction if len(roles.gallery) >= EARLIER_K else None
    return answer, r2_interval(y[roles.test], answer.prediction, config.bootstrap, seed) | {
        "k": answer.k,
        "weighting": answer.weighting,
        "n_gallery": len(roles.gallery),
        "r2_k16": None if earlier is None else float(r2_score(y[roles.test], earlier)),
    }


def _redshifts(
    validation: Neighbours, near: Neighbours, roles: Roles, y: np.ndarray, answer: Answer, config: Evaluation, seed: int
) -> tuple[np.ndarray, dict]:
    """Places of the true redshifts in their p(z), and the scores that only redshifts have."""
    truth, gallery = y[roles.test], y[roles.gallery]
    # The k that makes the best mean is no measure of how wide p(z) should be: that one is chosen anew.
    pz = near.answer(y, *((config.k,) if config.k else validation.choose(y, merit=_minus_crps)))
    place = photoz.pit(pz.values, pz.weights, truth, seed)
    score = photoz.crps(pz.values, pz.weights, truth)
    return place, {
        **with_interval(photoz.statistics, (truth, answer.prediction), config.bootstrap, seed),
        **with_interval(lambda score: {"crps": score.mean()}, (score,), config.bootstrap, seed),
        "crps_prior": float(photoz.crps(*photoz.prior(gallery, len(truth)), truth).mean()),
        "pit_ks": photoz.ks_to_uniform(place),
        "pz_k": pz.k,
        "pz_weighting": pz.weighting,
    }


def _minus_crps(truth: np.ndarray, answer: Answer) -> float:
    return -photoz.crps(answer.values, answer.weights, truth).mean()
