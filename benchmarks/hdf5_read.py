"""Reading a file in the release layout: all of it in blocks, and spectra in random order.

The file is made here, 1 GiB of random numbers, and read from the page cache on both sides: what is compared is the
work of the processor, not the disk. Reading all of it, as the image cache and the features do, is held against the
same file's bytes read in order into one buffer, which no reader that delivers arrays can beat; where the datasets are in
chunks, as other people's copies may be, against h5py reading each from its first chunk to its last, since bytes in order
are no arrays then. Reading spectra as a training does is held against h5py reading row by row.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np
from _timing import in_turns, rates

from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH, Index, Pairs, create_pairs, open_rows

GROUP_ROWS = 348  # 1 GiB in ten groups
FEW_ROWS, CHUNK = 40, 8  # of a file in chunks, 1/9 GiB, and of each chunk
BLOCK, BATCH = 256, 64
BUFFER = 64 * 2**20


def make(path: Path) -> Index:
    """Write the file; an index of all its rows."""
    create_pairs(path, [GROUP_ROWS] * len(GROUPS))
    rng = np.random.default_rng(0)
    for group in GROUPS:
        for name in ("images", "spectra", "redshifts"):
            rows = open_rows(path, group, name)
            rows[:] = rng.standard_normal(rows.shape, np.float32)
            rows.flush()
    return all_rows(GROUP_ROWS)


def make_chunked(path: Path, **options) -> Index:
    """Write a file whose datasets are in chunks of whole rows; an index of all its rows."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for group in GROUPS:
            for name, shape in (("images", (IMAGE_SIZE, IMAGE_SIZE, 3)), ("spectra", (N_WAVELENGTH,))):
                values = rng.standard_normal((FEW_ROWS, *shape)).round(2).astype(np.float32)  # compresses as fluxes do
                file.create_dataset(f"{group}/{name}", data=values, chunks=(CHUNK, *shape), **options)
            file[f"{group}/redshifts"] = np.zeros(FEW_ROWS, np.float32)
            file[f"{group}/targetids"] = np.arange(FEW_ROWS)
    return all_rows(FEW_ROWS)


def all_rows(per_group: int) -> Index:
    """An index of a file with as many rows in each group."""
    n = per_group * len(GROUPS)
    group, row = np.divmod(np.arange(n), per_group)
    redshift, split = np.zeros(n, np.float32), np.zeros(n, np.uint8)
    return Index(np.arange(n), redshift, group.astype(np.int16), row.astype(np.int32), split)


def gigabytes(index: Index) -> float:
    """Size of all images and spectra of an index."""
    return 4e-9 * len(index) * (3 * IMAGE_SIZE**2 + N_WAVELENGTH)


def read_pairs(path: Path, index: Index) -> None:
    """All images and spectra in blocks, the file opened anew."""
    pairs = Pairs(path, index)
    for start in range(0, len(index), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(index)))
        pairs.images(rows), pairs.spectra(rows)
    pairs.file.close()


def read_bytes(path: Path, buffer: memoryview) -> None:
    """All bytes of the file in order."""
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def read_datasets(path: Path) -> None:
    """All images and spectra by h5py, a dataset after the other."""
    with h5py.File(path, "r") as file:
        for group in GROUPS:
            file[group]["images"][:], file[group]["spectra"][:]


def read_rows(file: h5py.File, index: Index, order: np.ndarray) -> None:
    """Spectra in batches, row by row through h5py."""
    for rows in np.split(order, range(BATCH, len(order), BATCH)):
        np.stack([file[GROUPS[index.group[row]]]["spectra"][index.row[row]] for row in rows])


def read_batches(pairs: Pairs, order: np.ndarray) -> None:
    """The same batches as `train_spectra` reads them."""
    for rows in np.split(order, range(BATCH, len(order), BATCH)):
        pairs.spectra(np.sort(rows))


def entries():
    """What `make bench` writes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pairs.h5"
        index = make(path)
        check(path, index)
        buffer = memoryview(bytearray(BUFFER))
        seconds = in_turns({"ours": lambda: read_pairs(path, index), "theirs": lambda: read_bytes(path, buffer)})
        ours, theirs = gigabytes(index) / seconds["ours"], 1e-9 * path.stat().st_size / seconds["theirs"]
        yield "hdf5_read", {"ratio": ours / theirs, "ours": ours, "theirs": theirs, "unit": "GB/s"}

        for name, options in (("hdf5_read_chunked", {}), ("hdf5_read_gzip", {"compression": "gzip"})):
            chunked = Path(directory) / f"{name}.h5"
            some = make_chunked(chunked, **options)
            ways = {"ours": lambda: read_pairs(chunked, some), "theirs": lambda: read_datasets(chunked)}  # noqa: B023
            yield name, rates(ways, gigabytes(some), "GB")

        order = np.random.default_rng(1).permutation(len(index))
        pairs = Pairs(path, index)
        with h5py.File(path, "r") as file:
            ways = {"ours": lambda: read_batches(pairs, order), "theirs": lambda: read_rows(file, index, order)}
            yield "hdf5_shuffled", rates(ways, len(index), "spectra")
        pairs.file.close()


def check(path: Path, index: Index) -> None:
    """Refuse to time a reader that does not return what is in the file.

    Raises
    ------
    AssertionError
        If rows differ from what h5py reads.
    """
    rows = np.array([0, GROUP_ROWS, len(index) - 1])
    pairs = Pairs(path, index)
    for name in ("images", "spectra"):
        with h5py.File(path, "r") as file:
            expected = np.stack([file[GROUPS[index.group[row]]][name][index.row[row]] for row in rows])
        found = getattr(pairs, name)(rows)
        assert np.array_equal(found, expected), f"Pairs.{name} does not return what is in the file."
    pairs.file.close()
