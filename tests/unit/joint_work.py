"""Work that processes share, by those that torchrun starts: ``joint_work.py directory unfinished``.

Both directories hold ``pairs.h5`` and the encoders. Features are made in the first; in the other, the second process cannot
keep its second block of features.
"""

import sys
from pathlib import Path

from small import FEATURES, killing

from astroclip_book.data.pairs import Pairs, index_pairs
from astroclip_book.train import parts, processes
from astroclip_book.train.features import extract_features


def features(directory: Path) -> None:
    pairs = Pairs(directory / "pairs.h5", index_pairs(directory / "pairs.h5", 0.2, 0)[0])
    extract_features(
        pairs, directory / "image_encoder.pt", directory / "spectrum_encoder.pt", FEATURES, "cpu", 0, directory
    )


if __name__ == "__main__":
    features(Path(sys.argv[1]))
    if processes.rank() == 1:
        parts._keep = killing(parts._keep, 1)
    features(Path(sys.argv[2]))
