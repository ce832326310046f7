"""What a run knows of galaxies that are not in it: their like, their redshifts, and whether it has seen such a thing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.files import read_json
from astroclip_book.errors import BookError
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.knn import Neighbours
from astroclip_book.evaluate.novelty import LEVEL, TESTS, Novelty
from astroclip_book.evaluate.search import neighbours

INTERVAL = 0.68  # of true redshifts that an interval is to hold: one standard deviation to either side


@dataclass(frozen=True)
class Found:
    """What a run says of n objects.

    Attributes
    ----------
    embedding : (n, d) float32, unit length
    row, targetid, cosine : (n, k) arrays
        The most similar galaxies of the run in the same modality, best first; ``row`` counts within the run's index.
    redshift, low, high : (n,) arrays
        Mean over nearest galaxies, and an interval that holds 68 % of true redshifts, of objects like the run's.
    novelty : dict of (n,) arrays
        p-values by test, as `Novelty` gives them.
    """

    embedding: np.ndarray
    row: np.ndarray
    targetid: np.ndarray
    cosine: np.ndarray
    redshift: np.ndarray
    low: np.ndarray
    high: np.ndarray
    novelty: dict[str, np.ndarray]

    @property
    def unusual(self) -> np.ndarray:
        """Whether an object lies outside the training distribution by any of the tests, (n,) bool; then trust no other number."""
        return np.any([p <= LEVEL for p in self.novelty.values()], axis=0)

    def warning(self, i: int) -> str:
        """Why object i is unusual, in words; empty where it is not."""
        return "; ".join(TESTS[name] for name, p in self.novelty.items() if p[i] <= LEVEL)


class Reference:
    """The galaxies of a run in one modality, and how redshifts are read off them.

    Parameters
    ----------
    embeddings : Embeddings
    modality : str
        ``image`` or ``spectrum``.
    features : (N, D) array
        Frozen features of the same objects.
    choices : dict
        ``k``, ``weighting``, ``pz_k`` and ``pz_weighting``, as chapter 06 chose them on the validation split.
    """

    def __init__(self, embeddings: Embeddings, modality: str, features: np.ndarray, choices: dict):
        self.embeddings, self.vectors, self.choices = embeddings, getattr(embeddings, modality), choices
        train, validation = embeddings.where("train"), embeddings.where("validation")
        both = [(values[train], values[validation]) for values in (features, self.vectors)]
        self.novelty = Novelty(*both, signal=modality == "spectrum")
        low, high = self._quantiles(self.vectors[validation], train)
        self.widening = photoz.widening(low, high, embeddings.redshift[validation], INTERVAL)

    @classmethod
    def from_run(cls, directory: str | Path, modality: str) -> Reference:
        """Read what chapters 04 and 06 left in a run directory.

        Raises
        ------
        BookError
            If they have not been executed, or a file of theirs is damaged.
        """
        directory = Path(directory)
        choices = read_json(directory / "metrics.json").get("property", {}).get("redshift", {}).get(modality)
        missing = [name for name in ("embeddings.h5", "features.h5") if not (directory / name).is_file()]
        if missing or not choices:
            raise BookError(
                f"{directory} has no {', '.join(missing) or 'redshifts in its metrics.json'}: to look galaxies up, "
                "chapters 04 and 06 must have been executed (make book)."
            )
        try:
            with h5py.File(directory / "features.h5", "r") as file:
                features = file[modality]["clean"][:]
            embeddings = Embeddings.load(directory / "embeddings.h5")
        except (OSError, KeyError) as error:
            raise BookError(
                f"features.h5 or embeddings.h5 in {directory} is damaged ({error}): delete both and run again "
                "(make book)."
            ) from error
        return cls(embeddings, modality, features, choices)

    def look_up(self, features: np.ndarray, embedding: np.ndarray, k: int) -> Found:
        """What the run says of objects with these features (n, D) and embeddings (n, d); k neighbours are named.

        Raises
        ------
        BookError
            As `search.neighbours`.
        """
        row, cosine = neighbours(embedding, self.vectors, k)
        gallery = self.embeddings.where("train", "validation")
        answer = self._answer(embedding, gallery, self.choices["k"], self.choices["weighting"])
        low, high = self._quantiles(embedding, gallery)
        wider = self.widening * (high - low)
        return Found(
            embedding,
            row,
            self.embeddings.targetid[row],
            cosine,
            answer.prediction,
            low - wider,
            high + wider,
            self.novelty(features, embedding),
        )

    def _quantiles(self, asked: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """Ends (2, n) of the middle 68 % of p(z) by neighbours among some rows."""
        answer = self._answer(asked, gallery, self.choices["pz_k"], self.choices["pz_weighting"])
        return photoz.quantiles(answer.values, answer.weights, ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2))

    def _answer(self, asked: np.ndarray, gallery: np.ndarray, k: int, weighting: str):
        near = Neighbours(self.vectors, gallery, asked, np.arange(len(asked)), k)
        return near.answer(self.embeddings.redshift, k, weighting)
