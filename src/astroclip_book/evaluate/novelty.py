"""Whether an object is like those that a run has learned from."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.pairs import evenly
from astroclip_book.evaluate.search import nearest

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
    ``features`` (n, D) and (m, D) and ``embedding`` (n, d) and (m, d) are of training and validation objects, ``quantities``
    (m,) of the latter.
    """

    def __init__(self, features: tuple, embedding: tuple, quantities: dict[str, np.ndarray]):
        some = evenly(len(features[0]), REFERENCES)
        known, self.embedding = features[0][some].astype(np.float32), embedding[0][some]
        self.scaler = StandardScaler().fit(known)
        self.rotation = PCA(VARIANCE, whiten=True, svd_solver="covariance_eigh").fit(self.scaler.transform(known))
        self.known = self._rotated(known)
        scores = self._distances(features[1], embedding[1]) | quantities
        self.usual = {name: np.sort(one) for name, one in scores.items()}

    def __call__(self, features: np.ndarray, embedding: np.ndarray, quantities: dict) -> tuple[dict, dict]:
        """P-values (n,) by test, and whether objects (n,) are above others rather than below, by test."""
        p, upper = {}, {}
        scores = self._distances(features, embedding) | quantities
        for name, usual in self.usual.items():
            asked, n = scores[name], len(usual) + 1
            above = (n - np.searchsorted(usual, asked, "left")) / n
            below = (1 + np.searchsorted(usual, asked, "right")) / n
            p[name], upper[name] = above, above <= below
            if name in quantities:
                p[name] = np.where(np.isnan(asked), 1, 2 * np.minimum(above, below)).clip(max=1)
        return p, upper

    def _distances(self, features: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
        pairs = {"features": (self._rotated(features), self.known), "embedding": (embedding, self.embedding)}
        k = min(NEIGHBOURS, len(self.known))
        return {name: nearest(asked, known, k)[1][:, -1] for name, (asked, known) in pairs.items()}

    def _rotated(self, features: np.ndarray) -> np.ndarray:
        return self.rotation.transform(self.scaler.transform(features.astype(np.float32)))
