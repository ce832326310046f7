"""What a run knows of galaxies that are not in it: their like, their redshifts, and whether it has learned from anything like them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.files import read_json
from astroclip_book.data.pairs import Embeddings, evenly
from astroclip_book.errors import BookError
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.knn import Neighbours
from astroclip_book.evaluate.rows import check_rows
from astroclip_book.evaluate.search import nearest, neighbours

LEVEL = 0.01  # of validation objects that each test calls unusual
NEIGHBOURS = 4  # not the first: one odd training object must not vouch for others
VARIANCE = 0.9999  # of the features, kept: what is left is the rounding of half precision
REFERENCES = 20_000  # training objects compared with, at most
TESTS = {  # what is said of an object below others, and above them
    "features": ("", "its frozen features are unlike those of any training galaxy"),
    "embedding": ("", "its embedding lies far from those of training galaxies"),
    "signal": ("it has hardly any signal, less than the run's galaxies", "it is too bright against its noise for the run's galaxies"),
    "redshift": ("it is too near for the run's galaxies", "it is too far for the run's galaxies"),
}  # fmt: skip


class Novelty:
    """Tests of whether objects come from the distribution that a run was trained on; a call gives p-values (n,) by test.

    Two distances to the `NEIGHBOURS`-th nearest training object (Sun et al. 2022, https://arxiv.org/abs/2204.06507): in the
    frozen features, rotated to principal components and each scaled to unit variance, and among the embeddings, whose 128
    unit-length numbers hold only what the two modalities share and may hide that an object is strange. And quantities that
    may be too small or too large: the known redshift and, for spectra, the mean signal-to-noise ratio a pixel, as a spectrum
    of mere noise is like faint galaxies, and not far from them.

    What is returned is the share of validation objects that are at least as unusual, counting the object itself: a p-value
    that is valid whatever the distribution, as long as an object is drawn like these (Bates et al. 2023,
    https://doi.org/10.1214/22-AOS2244). It is twice that share on one side for a quantity, and 1 for one unknown (NaN).
    Compared with are training objects, ``train_features`` (n, D) and ``train_embedding`` (n, d); ``features`` (m, D),
    ``embedding`` (m, d) and ``quantities`` (m,) are of validation objects.
    """

    def __init__(
        self,
        train_features: np.ndarray,
        train_embedding: np.ndarray,
        features: np.ndarray,
        embedding: np.ndarray,
        quantities: dict[str, np.ndarray],
    ):
        some = evenly(len(train_features), REFERENCES)
        known, self.embedding = train_features[some].astype(np.float32), train_embedding[some]
        self.scaler = StandardScaler().fit(known)
        self.rotation = PCA(VARIANCE, whiten=True, svd_solver="covariance_eigh").fit(self.scaler.transform(known))
        self.known = self._rotated(known)
        scores = self._distances(features, embedding) | quantities
        self.usual = {name: np.sort(one) for name, one in scores.items()}

    def __call__(self, features: np.ndarray, embedding: np.ndarray, quantities: dict) -> tuple[dict, dict]:
        """P-values (n,) by test, and whether objects (n,) are above others rather than below, by test."""
        p, upper = {}, {}
        scores = self._distances(features, embedding) | quantities
        for name, usual in self.usual.items():
            score, n = scores[name], len(usual) + 1
            above = (n - np.searchsorted(usual, score, "left")) / n
            below = (1 + np.searchsorted(usual, score, "right")) / n
            p[name], upper[name] = above, above <= below
            if name in quantities:
                p[name] = np.where(np.isnan(score), 1, 2 * np.minimum(above, below)).clip(max=1)
        return p, upper

    def _distances(self, features: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
        pairs = {"features": (self._rotated(features), self.known), "embedding": (embedding, self.embedding)}
        k = min(NEIGHBOURS, len(self.known))
        return {name: nearest(asked, known, k)[1][:, -1] for name, (asked, known) in pairs.items()}

    def _rotated(self, features: np.ndarray) -> np.ndarray:
        return self.rotation.transform(self.scaler.transform(features.astype(np.float32)))


INTERVAL = 0.68  # of true redshifts that an interval is to hold: one standard deviation to either side


@dataclass(frozen=True)
class Found:
    """What a run says of n objects: their like in the same modality, best first, and redshifts with intervals for objects like the run's."""

    embedding: np.ndarray  # (n, d) float32, unit length
    row: np.ndarray  # (n, k), within the run's index
    targetid: np.ndarray  # (n, k)
    cosine: np.ndarray  # (n, k)
    redshift: np.ndarray  # (n,), mean over nearest galaxies
    low: np.ndarray  # (n,), and
    high: np.ndarray  # (n,): between them lie 68 % of true redshifts
    novelty: dict[str, np.ndarray]  # p-values (n,) by test, of `Novelty`
    upper: dict[str, np.ndarray]  # by test, whether an object (n,) is above the run's galaxies rather than below
    relative: np.ndarray  # (n,) bool, spectra without their level, whose brightness is unknown

    @property
    def unusual(self) -> np.ndarray:
        """Whether an object lies outside the training distribution by any of the tests, (n,) bool; then trust no other number."""
        return np.any([p <= LEVEL for p in self.novelty.values()], axis=0)

    def warning(self, i: int) -> str:
        """Why object i is unusual, and whether its brightness is unknown, in words; empty where there is nothing to say."""
        said = [TESTS[name][int(self.upper[name][i])] for name, p in self.novelty.items() if p[i] <= LEVEL]
        if self.relative[i]:
            said.append("its brightness is unknown: it came without its level")
        return "; ".join(said)


class Reference:
    """The galaxies of a run in one modality, their frozen features (N, D), and how redshifts are read off them.

    ``choices`` are ``k``, ``weighting``, ``pz_k`` and ``pz_weighting``, as chapter 06 chose them on the validation split.
    """

    def __init__(self, embeddings: Embeddings, modality: str, features: np.ndarray, choices: dict):
        self.embeddings, self.vectors = embeddings, getattr(embeddings, modality)
        self.features, self.choices = features, choices
        train, validation = embeddings.where("train"), embeddings.where("validation")
        quantities = {"signal": features[validation, -1]} if modality == "spectrum" else {}
        quantities["redshift"] = embeddings.redshift[validation]
        self.novelty = Novelty(
            features[train], self.vectors[train], features[validation], self.vectors[validation], quantities
        )
        _, low, high = self._redshifts(self.vectors[validation], train)
        self.widening = photoz.widening(low, high, embeddings.redshift[validation], INTERVAL)

    @classmethod
    def from_run(cls, directory: str | Path, modality: str) -> Reference:
        """Read what chapters 04 and 06 left in a run directory; BookError if it is not there, damaged, or its rows are in the wrong order."""
        try:
            directory = Path(directory)
            choices = read_json(directory / "metrics.json")["property"]["redshift"][modality]
            with h5py.File(directory / "features.h5", "r") as file:
                features = file[modality]["clean"][:]
            embeddings = Embeddings.load(path := directory / "embeddings.h5")
        except (OSError, KeyError, TypeError) as error:
            raise BookError(
                f"{directory} lacks metrics.json, features.h5 or embeddings.h5, or one is damaged ({error}): to look galaxies "
                "up, chapters 04 and 06 must have been executed (make book)."
            ) from error
        test = embeddings.where("test")
        check_rows(embeddings.image[test], embeddings.spectrum[test], str(path))
        return cls(embeddings, modality, features, choices)

    def look_up(self, features: np.ndarray, embedding: np.ndarray, k: int, redshift=np.nan, relative=False) -> Found:
        """What the run says of objects with these features (n, D) and embeddings (n, d); k neighbours are named.

        ``redshift`` (n,) are those known of them, and NaN; ``relative`` (n,) says which spectra came without their level.
        """
        row, cosine = neighbours(embedding, self.vectors, k)
        relative = np.broadcast_to(relative, len(row))
        signal = np.where(relative, np.nan, features[:, -1])
        known = {"redshift": np.broadcast_to(redshift, len(row)), "signal": signal}
        novelty, upper = self.novelty(features, embedding, known)
        mean, low, high = self._redshifts(embedding, self.embeddings.where("train", "validation"))
        wider = self.widening * (high - low)
        return Found(
            embedding=embedding, row=row, targetid=self.embeddings.targetid[row], cosine=cosine, redshift=mean,
            low=low - wider, high=high + wider, novelty=novelty, upper=upper, relative=relative,
        )  # fmt: skip

    def _redshifts(self, asked: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean redshift, and the ends of the middle 68 % of p(z), by neighbours among some rows; (n,) each."""
        rows, z, choices = np.arange(len(asked)), self.embeddings.redshift, self.choices
        near = Neighbours(self.vectors, gallery, asked, rows, max(choices["k"], choices["pz_k"]))
        mean = near.answer(z, choices["k"], choices["weighting"]).prediction
        of_z = near.answer(z, choices["pz_k"], choices["pz_weighting"])
        low, high = photoz.quantiles(of_z.values, of_z.weights, ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2))
        return mean, low, high
