"""An alarm for files in which row i of the images and row i of the spectra are not the same object."""

import logging

import numpy as np
from scipy.stats import binomtest
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.pairs import evenly
from astroclip_book.errors import BookError

log = logging.getLogger(__name__)

COMPONENTS = 32  # of each modality, at most; fewer where rows are few
ROWS = 10_000  # compared, at most
LEAST = 64  # rows to fit correlations to; of fewer, nothing is said
BLOCK = 128  # rows in which a part of a file is judged
PARTS = 1_000  # rows from which on parts are judged
CONFIDENCE = 0.998  # of intervals: one end is wrong once in a thousand


def check_rows(image: np.ndarray, spectrum: np.ndarray, where: str) -> dict:
    """Refuse features or embeddings, (n, D) and (n, E), of which most rows do not belong together; ``where`` names their file.

    Returns ``n`` rows compared, their ``wrong_share`` and its interval, ``wrong_share_ci998``, as `wrong_share` estimates them.
    A file in the wrong order is refused from about 128 rows on; of fewer than `LEAST`, nothing is decided. Of a part in the
    wrong order it warns, from 1,000 rows on, and also if rows are shifted in a file that is sorted by a property, where those
    in a row are alike. Pass embeddings of objects that the heads were not trained on: they may have learned wrong pairs.

    Raises
    ------
    BookError
        If numbers of rows differ, values are not finite, or surely (99.9 %) most rows find no partner: they do not belong
        together, or the two modalities share nothing.
    """
    if len(image) != len(spectrum):
        raise BookError(
            f"{where} has {len(image)} rows of images and {len(spectrum)} of spectra: give each pair one row."
        )
    some = evenly(len(image), ROWS)
    image, spectrum = (np.asarray(x[some], np.float32) for x in (image, spectrum))
    if not (np.isfinite(image).all() and np.isfinite(spectrum).all()):
        raise BookError(f"{where} has values that are not finite: leave these objects out of both modalities.")
    if len(some) < LEAST:
        log.info("%s: %d rows are too few to say whether images and spectra belong together.", where, len(some))
        return {"n": len(some), "wrong_share": None, "wrong_share_ci998": [0.0, 1.0]}
    ranks = partner_ranks(image, spectrum)
    share, low, high = wrong_share(ranks)
    remedy = "Match them by targetid (numpy.intersect1d with return_indices) and write both modalities in that order."
    if low > 0.5:
        raise BookError(
            f"Image and spectrum rows of {where} do not belong together: an image says no more of its own spectrum than of "
            f"another's in {share:.0%} [{low:.0%} to {high:.0%}] of {len(some)} rows. {remedy}"
        )
    if len(some) >= PARTS:
        blocks = np.array_split(np.arange(len(some)), len(some) // BLOCK)
        bad = [f"{some[rows[0]]} to {some[rows[-1]]}" for rows in blocks if wrong_share(ranks[rows])[1] > 0.5]
        if bad or low > 0.05:
            text = f"{where}: up to {high:.0%} of image and spectrum rows may not belong together"
            log.warning("%s. %s", text + (f", among them rows {', '.join(bad[:5])}" if bad else ""), remedy)
    return {"n": len(some), "wrong_share": share, "wrong_share_ci998": [low, high]}


def partner_ranks(image: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """Rank (n,) of each object's own spectrum among others, 0 for the best and 1 for the worst; 0.5 on average by chance.

    ``image`` (n, D) and ``spectrum`` (n, E) are features or embeddings and need no common space: canonical correlations of
    their principal components are fitted to four fifths of the rows and rank the remaining fifth, each in turn, by the
    likelihood that both are of one object rather than of two (Bach & Jordan 2005, probabilistic canonical correlation).
    """
    ranks = np.empty(len(image))
    for fit, held in KFold(5, shuffle=True, random_state=0).split(image):
        number = max(1, min(COMPONENTS, len(fit) // 8, image.shape[1], spectrum.shape[1]))
        white = make_pipeline(StandardScaler(), PCA(number, whiten=True, random_state=0))
        x, y = (white.fit(rows[fit]).transform(rows) for rows in (image, spectrum))
        u, correlation, v = np.linalg.svd(x[fit].T @ y[fit] / len(fit))
        r = np.minimum(correlation, 0.99)
        x, y = x[held] @ u, y[held] @ v.T
        q = r / (1 - r**2)
        score = (q * x) @ y.T - (x**2 @ (q * r))[:, None] / 2 - y**2 @ (q * r) / 2
        own = score.diagonal()[:, None]
        ranks[held] = ((score > own).sum(1) + ((score == own).sum(1) - 1) / 2) / max(1, len(held) - 1)
    return ranks


def wrong_share(ranks: np.ndarray) -> tuple[float, float, float]:
    """Share of rows that do not belong together, estimated from above, and its interval, from their `partner_ranks` (n,).

    The partner of a wrong row is as often in the worse half as in the better one, that of a right row seldom: the share is at
    most twice that of ranks from 0.5 (Storey 2002, https://doi.org/10.1111/1467-9868.00346).
    """
    worse = binomtest(int((ranks >= 0.5).sum()), len(ranks))
    low, high = worse.proportion_ci(CONFIDENCE)
    return tuple(min(1.0, 2 * share) for share in (worse.statistic, low, high))
