"""Work that processes share, by those that torchrun starts: ``joint_work.py directory unfinished``.

Both directories hold ``pairs.h5`` and the encoders. All work is done in the first; in the other, the second process cannot
keep its second block of features.
"""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
from small import EVALUATION, FEATURES, killing

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Pairs, index_pairs
from astroclip_book.evaluate import search
from astroclip_book.evaluate.properties import predict_properties
from astroclip_book.train import parts, processes
from astroclip_book.train.features import extract_features

SIZES = tuple(itertools.product((1, 3, 9, 40, 41, 100), (1, 4, 17, 100)))  # of the gallery, and k


def features(directory: Path) -> None:
    pairs = Pairs(directory / "pairs.h5", index_pairs(directory / "pairs.h5", 0.2, 0)[0])
    extract_features(
        pairs, directory / "image_encoder.pt", directory / "spectrum_encoder.pt", FEATURES, "cpu", 0, directory
    )


def searches() -> dict[str, np.ndarray]:
    """Neighbours in galleries of a few tiles, in which half of the points coincide with others."""
    found = {}
    for n, k in SIZES:
        rng = np.random.default_rng([n, k])
        gallery = rng.normal(size=(n, 3))
        gallery[n // 2 :] = gallery[rng.integers(max(1, n // 2), size=n - n // 2)]
        query = np.concatenate([gallery[:5], rng.normal(size=(20, 3))])
        index, distance = search.nearest(query, gallery, min(n, k), together=True)
        found |= {f"{n},{k}/index": index, f"{n},{k}/distance": distance}
    return found


def predicted(directory: Path) -> dict[str, np.ndarray]:
    """Scores of properties read off neighbours in small embeddings; the predictions are written by the first process."""
    rng = np.random.default_rng(0)
    image, spectrum = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(2, 200, 4)))
    embeddings = Embeddings(
        image, spectrum, np.arange(200), np.abs(spectrum[:, 0]), rng.integers(0, 3, 200).astype(np.uint8)
    )
    scores, predictions = predict_properties([embeddings], {"redshift": embeddings.redshift}, EVALUATION, 0)
    write_hdf5(directory / f"predictions{processes.rank()}.h5", predictions)
    return {"properties": np.array(json.dumps(scores))}


def work(directory: Path) -> None:
    search.TILE, search.BLOCK = 8, 8 * 12
    features(directory)
    np.savez(directory / f"found{processes.rank()}.npz", **searches(), **predicted(directory))


if __name__ == "__main__":
    work(Path(sys.argv[1]))
    if processes.rank() == 1:
        parts._keep = killing(parts._keep, 1)
    features(Path(sys.argv[2]))
