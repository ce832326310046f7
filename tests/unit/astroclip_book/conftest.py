"""A small file of pairs and untrained encoders, which several tests read."""

import pytest
from small import write_encoders, write_pairs

from astroclip_book.data.pairs import Pairs, index_pairs


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    path = write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.h5", per_group=12)
    return Pairs(path, index_pairs(path, 0.2, 0)[0])


@pytest.fixture(scope="session")
def encoders(pairs):
    """The directory of both, with the pairs."""
    return write_encoders(pairs.path.parent)
