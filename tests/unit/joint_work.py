"""Work that processes share, by those that torchrun starts: ``joint_work.py directory unfinished``.

Both directories hold ``pairs.h5`` and the encoders. Features are made in the first; in the other, the second process cannot
keep its second block of features.
"""

import sys
from pathlib import Path

from small import FEATURES, killing

from astroclip_book.data.pairs import Pairs, index_pairs
from astroclip_book.train import features as extraction
from astroclip_book.train import processes


def features(directory: Path) -> None:
    pairs = Pairs(directory / "pairs.h5", index_pairs(directory / "pairs.h5", 0.2, 0)[0])
    extraction.extract_features(
        pairs, directory / "image_encoder.pt", directory / "spectrum_encoder.pt", FEATURES, "cpu", 0, directory
    )


if __name__ == "__main__":
    features(Path(sys.argv[1]))
    if processes.rank() == 1:
        extraction.half = killing(extraction.half, 5)  # 4 arrays a block
    features(Path(sys.argv[2]))
