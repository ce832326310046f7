"""Trained on the mock, asked about the sky: redshifts of real galaxies from their nearest mock galaxies."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from sklearn.metrics import r2_score

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.errors import BookError
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.knn import Neighbours, knn_predict
from astroclip_book.evaluate.metrics import with_interval
from astroclip_book.evaluate.search import neighbours
from real_sky.sky.stored import FAILURE

REDSHIFTS = (0.02, 0.5)  # where the mock has galaxies enough to answer
SAME = 0.01  # mock galaxies within this times 1 + z count as at a real galaxy's redshift


class EmbedsSpectra(Protocol):
    """What `astroclip_book.AstroCLIP` can do, as far as it is needed here."""

    def embed_spectra(self, flux: np.ndarray) -> np.ndarray:
        """Flux (n, 7781) to unit vectors (n, d)."""


def transfer(
    model: EmbedsSpectra,
    gallery: Embeddings,
    flux: np.ndarray,
    redshift: np.ndarray,
    k: int | None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict:
    """Redshifts of real galaxies as the mean over their nearest mock galaxies in the embedding space of spectra.

    Parameters
    ----------
    model : EmbedsSpectra
        Such as an `astroclip_book.AstroCLIP`.
    gallery : Embeddings
        Of the mock; its training and validation galaxies answer.
    flux : (n, 7781) array
        Real spectra on the grid of the pairs, any constant scale.
    redshift : (n,) array
        What is true; objects outside ``REDSHIFTS`` are left out.
    k : int, optional
        Neighbours, weighted by distance; by default both are chosen on the mock's validation galaxies.
    bootstrap, seed : int
        Resamples behind the 95 % intervals.

    Returns
    -------
    dict
        Scores as `scores` gives them, and for each of the m galaxies asked: ``row`` in ``flux``, ``truth``,
        ``prediction``, ``nearest`` (row of the gallery), and ``nearest_at_truth`` (row of the gallery's most similar
        galaxy at the true redshift, -1 where it has none).

    Raises
    ------
    BookError
        If fewer than two real galaxies lie in that range.
    """
    rows = np.flatnonzero((redshift > REDSHIFTS[0]) & (redshift < REDSHIFTS[1]))
    if len(rows) < 2:
        raise BookError(
            f"{len(rows)} of the {len(redshift)} real spectra have a redshift between {REDSHIFTS[0]} and "
            f"{REDSHIFTS[1]}: give at least two."
        )
    fit, truth = gallery.where("train", "validation"), np.asarray(redshift, float)[rows]
    asked, mock = model.embed_spectra(flux[rows]), gallery.spectrum[fit]
    chosen = (k,)
    if k is None:
        train, validation = gallery.where("train"), gallery.where("validation")
        chosen = Neighbours(gallery.spectrum, train, gallery.spectrum, validation).choose(gallery.redshift)
    prediction = knn_predict(mock, gallery.redshift[fit], asked, *chosen)
    nearest = fit[neighbours(asked, mock, 1)[0][:, 0]]
    at_truth = [_most_similar(one, gallery, fit, z) for one, z in zip(asked, truth, strict=True)]
    arrays = {"row": rows, "truth": truth, "prediction": prediction, "nearest": nearest, "nearest_at_truth": at_truth}
    return scores(truth, prediction, bootstrap, seed) | {name: np.asarray(values) for name, values in arrays.items()}


def scores(truth: np.ndarray, prediction: np.ndarray, bootstrap: int, seed: int) -> dict:
    """How good redshifts are: R², scatter and failures, each with its 95 % interval over objects.

    `photoz` defines scatter and failures.

    Parameters
    ----------
    truth, prediction : (n,) arrays
    bootstrap, seed : int

    Returns
    -------
    dict
        ``r2``, ``nmad``, ``failures`` (share beyond ``FAILURE``), each also with ``_ci95`` as [low, high]; ``n``.
    """

    def measure(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        error = photoz.errors(truth, prediction)
        failures = photoz.outliers(error, FAILURE)
        return {"r2": r2_score(truth, prediction), "nmad": photoz.nmad(error), "failures": failures}

    return with_interval(measure, (truth, prediction), bootstrap, seed)


def worst(found: dict, n: int = 3) -> np.ndarray:
    """Positions, among the galaxies asked, of the largest errors in units of 1 + z, worst first."""
    return np.argsort(-np.abs(photoz.errors(found["truth"], found["prediction"])), kind="stable")[:n]


def _most_similar(asked: np.ndarray, gallery: Embeddings, fit: np.ndarray, redshift: float) -> int:
    same = fit[np.abs(gallery.redshift[fit] - redshift) < SAME * (1 + redshift)]
    return int(same[np.argmax(gallery.spectrum[same] @ asked)]) if len(same) else -1
