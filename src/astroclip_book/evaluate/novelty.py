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
TESTS = {
    "features": "its frozen features are unlike those of any training galaxy",
    "embedding": "its embedding lies far from those of training galaxies",
    "signal": "it has hardly any signal: nearly all training spectra have more",
}


class Novelty:
    """Tests of whether objects come from the distribution that a run was trained on; a call gives p-values (n,) by test.

    Two distances to the `NEIGHBOURS`-th nearest training object (Sun et al. 2022, https://arxiv.org/abs/2204.06507): in the
    frozen features, rotated to principal components and each scaled to unit variance, and among the embeddings, whose 128
    unit-length numbers hold only what the two modalities share and may hide that an object is strange. For spectra, also
    the mean signal-to-noise ratio a pixel, the last of their features: a spectrum of mere noise is like faint galaxies, and
    not far from them.

    What is returned is the share of validation objects that are at least as unusual, counting the object itself: a p-value
    that is valid whatever the distribution, as long as an object is drawn like these (Bates et al. 2023,
    https://doi.org/10.1214/22-AOS2244). ``features`` (n, D) and (m, D) and ``embedding`` (n, d) and (m, d) are of training and
    validation objects; ``signal`` says whether the last feature is the signal-to-noise ratio.
    """

    def __init__(self, features: tuple[np.ndarray, np.ndarray], embedding: tuple[np.ndarray, np.ndarray], signal: bool):
        some = evenly(len(features[0]), REFERENCES)
        known, self.signal, self.embedding = features[0][some].astype(np.float32), signal, embedding[0][some]
        self.scaler = StandardScaler().fit(known)
        self.rotation = PCA(VARIANCE, whiten=True, svd_solver="covariance_eigh").fit(self.scaler.transform(known))
        self.known = self._rotated(known)
        self.usual = {name: np.sort(scores) for name, scores in self._scores(features[1], embedding[1]).items()}

    def __call__(self, features: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
        n = len(next(iter(self.usual.values()))) + 1
        scores = self._scores(features, embedding)
        return {name: (n - np.searchsorted(self.usual[name], one, "left")) / n for name, one in scores.items()}

    def _scores(self, features: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
        pairs = {"features": (self._rotated(features), self.known), "embedding": (embedding, self.embedding)}
        k = min(NEIGHBOURS, len(self.known))
        scores = {name: nearest(asked, known, k)[1][:, -1] for name, (asked, known) in pairs.items()}
        return scores | ({"signal": -features[:, -1].astype(np.float32)} if self.signal else {})

    def _rotated(self, features: np.ndarray) -> np.ndarray:
        return self.rotation.transform(self.scaler.transform(features.astype(np.float32)))
