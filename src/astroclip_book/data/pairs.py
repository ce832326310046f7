"""The AstroCLIP release layout: one reader for the mock survey and the real file.

HDF5 groups ``"0"`` … ``"9"``, each with ``images`` (N, 152, 152, 3) in nanomaggies, bands g, r, z; ``spectra`` (N, 7781);
``redshifts`` (N,); ``targetids`` (N,). Source: the data release of AstroCLIP (Parker et al. 2024,
https://doi.org/10.1093/mnras/stae1450). Also the embeddings of these objects, and how the Legacy Surveys see them.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import pandas as pd

from astroclip_book.errors import BookError

log = logging.getLogger(__name__)

GROUPS = tuple("0123456789")
IMAGE_SIZE = 152
PIXEL_SCALE = 0.262  # arcsec
BANDS = ("g", "r", "z")
N_WAVELENGTH = 7781
WAVELENGTH = 3600.0 + 0.8 * np.arange(N_WAVELENGTH)  # angstrom, observed frame, vacuum
SPLITS = ("train", "validation", "test")
REDSHIFTS = (0.0, 0.8)  # that are believed: the release has a few outside, Spender's rest frame ends there
TRAIN_FRACTION = 0.8  # the first 80 % of each group, as in the release

# Seeing, depth and reddening over the footprint, as Stein et al. 2022 (https://doi.org/10.3847/1538-4357/ac6d63) fitted
# them: log-normal laws (shape, location, scale) in g, r, z. The mock draws from these, and the augmentations worsen them.
PSF_SIGMA = ((0.2110, 1.0807, 1.3153), (0.3008, 1.2394, 0.9165), (0.3471, 1.1928, 0.8234))  # pixels of 0.262 arcsec
# Nanomaggies per pixel, were pixels independent.
SKY_NOISE = ((0.2265, -0.00067, 0.00376), (0.2431, -0.00237, 0.00674), (0.1335, -0.01434, 0.02608))
REDDENING = (0.67306, 0.001146, 0.03338)  # E(B-V)
MAX_REDDENING = 1.0
TRANSMISSION = (-1.2856, -0.866, -0.4844)  # log10 of the share of light in g, r, z that arrives, for E(B-V) of 1

# To leave an object out; the first that holds counts.
REASONS = ("redshift_not_finite", "redshift_out_of_range", "spectrum_zero", "spectrum_not_finite", "image_zero")
REASONS += ("image_not_finite", "duplicate")
_SHAPES = {"images": (IMAGE_SIZE, IMAGE_SIZE, 3), "spectra": (N_WAVELENGTH,), "redshifts": (), "targetids": ()}
_BLOCK = 256  # rows in memory at a time, while a file is checked


def create_pairs(path: Path, counts: list[int], ivar: bool = False) -> None:
    """Write an empty file in the release layout, with ``counts`` rows in each of the ten groups.

    Its metadata are final when this returns: rows are filled through `open_rows`, and a killed run leaves a valid file.
    ``ivar`` adds inverse variances of the spectra to the release's datasets. BookError where there is no room for all of it.
    """
    path, early = Path(path), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # a dataset has its place in the file before it has values
    shapes = _SHAPES | ({"ivar": (N_WAVELENGTH,)} if ivar else {})
    try:
        with h5py.File(path, "w", libver="latest") as file:
            for group, count in zip(GROUPS, counts, strict=True):
                for name, shape in shapes.items():
                    dtype = np.int64 if name == "targetids" else np.float32
                    file.create_dataset(f"{group}/{name}", (count, *shape), dtype, fill_time="never", dcpl=early)
        if hasattr(os, "posix_fallocate"):  # a disk that fills up under a memory map ends the process without a word
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except (OSError, RuntimeError) as error:
        path.unlink(missing_ok=True)
        size = sum(counts) * sum(4 * int(np.prod(shape)) for shape in shapes.values()) / 1e9
        why = f"{path} of {size:.3g} GB was not laid out: {error}."
        raise BookError(f"{why} Make room, or choose another place.") from error


def open_rows(path: Path, group: str, name: str) -> np.memmap:
    """A writable view of one dataset made by `create_pairs`, e.g. (N, 7781) float32 for ``spectra``."""
    with h5py.File(path, "r") as file:
        return _mapped(file[group][name], "r+")


def _mapped(dataset: h5py.Dataset, mode: str) -> np.memmap | None:
    """The dataset as a memory map; None where it does not lie in the file in one piece."""
    offset = dataset.id.get_offset()
    return None if offset is None else np.memmap(dataset.file.filename, dataset.dtype, mode, offset, dataset.shape)


class Split:
    """Objects in a row, of which ``split`` (N,) uint8 has the position in `SPLITS`."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read them from HDF5, a dataset an attribute."""
        with h5py.File(path, "r") as file:
            return cls(**{name: file[name][:] for name in cls.__dataclass_fields__})

    def where(self, *splits: str) -> np.ndarray:
        """Positions of the objects of the named splits, ascending."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(s) for s in splits]))


@dataclass(frozen=True)
class Index(Split):
    """The usable rows of a pairs file, in file order; every later artefact has one row for each."""

    targetid: np.ndarray  # (N,) int64
    redshift: np.ndarray  # (N,) float32
    group: np.ndarray  # (N,) int16: where the object stands in the pairs file
    row: np.ndarray  # (N,) int32, likewise
    split: np.ndarray

    def __len__(self) -> int:
        return len(self.targetid)


@dataclass(frozen=True)
class Embeddings(Split):
    """Both modalities' embeddings and what identifies their rows."""

    image: np.ndarray  # (N, d) float32, unit length
    spectrum: np.ndarray  # (N, d) float32, unit length
    targetid: np.ndarray  # (N,) int64
    redshift: np.ndarray  # (N,) float32
    split: np.ndarray


def other_seeds(path: Path) -> list[Embeddings]:
    """Embeddings of the same objects by heads trained from other seeds; none where ``embeddings.h5`` holds no ``others``."""
    first = Embeddings.load(path)
    with h5py.File(path, "r") as file:
        if "others" not in file:
            return []
        images, spectra = file["others/image"][:], file["others/spectrum"][:]
    return [replace(first, image=image, spectrum=spectrum) for image, spectrum in zip(images, spectra, strict=True)]


def evenly(n: int, most: int) -> np.ndarray:
    """Positions of ``most`` of n objects in a row at even distances, the first and the last among them; all n if there are no more."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


class Pairs:
    """Reads images and spectra of the objects of an index from a file in the release layout, never more than asked for."""

    def __init__(self, path: Path, index: Index):
        self.path, self.index = Path(path), index
        self.file = open_pairs(path)
        self._source = functools.cache(self._open)

    def images(self, positions: np.ndarray) -> np.ndarray:
        """Whole cut-outs, (n, 152, 152, 3) float32 nanomaggies g, r, z, in the order of ``positions`` in the index."""
        return self._read("images", positions)

    def spectra(self, positions: np.ndarray) -> np.ndarray:
        """Flux on ``WAVELENGTH``, (n, 7781) float32 in 1e-17 erg/s/cm²/Å, in the order of ``positions``."""
        return self._read("spectra", positions)

    def ivar(self, positions: np.ndarray) -> np.ndarray | None:
        """Inverse variances of the spectra, (n, 7781), where the file has them beside the release's datasets; else None."""
        return self._read("ivar", positions) if all("ivar" in self.file[group] for group in GROUPS) else None

    def _open(self, group: int, name: str) -> tuple[h5py.Dataset, np.memmap | None]:
        """A dataset, and its memory map, from which rows in random order come 20 times faster."""
        dataset = self.file[GROUPS[group]][name]
        return dataset, _mapped(dataset, "r") if dataset.dtype == np.float32 else None

    def _read(self, name: str, positions: np.ndarray) -> np.ndarray:
        positions = np.asarray(positions)
        order = np.argsort(positions, kind="stable")
        groups, rows = self.index.group[positions[order]], self.index.row[positions[order]]
        result = np.empty((len(positions), *self.file[GROUPS[0]][name].shape[1:]), np.float32)
        for group in np.unique(groups):
            part = slice(*np.searchsorted(groups, [group, group + 1]))
            dataset, memory = self._source(group, name)
            some, back = np.unique(rows[part], return_inverse=True)
            first, last = some[0], some[-1]
            if len(some) == len(back) == last + 1 - first:  # one stretch of the file, no row twice
                dataset.read_direct(result, slice(first, last + 1), part)
            elif memory is not None:
                np.take(memory, rows[part], axis=0, out=result[part], mode="clip")  # other modes copy twice
            else:
                result[part] = dataset[some][back]
        return result if np.array_equal(order, np.arange(len(order))) else result[np.argsort(order)]


def open_pairs(path: Path) -> h5py.File:
    """Open a pairs file for reading; BookError if it is missing, truncated, not HDF5 or of another layout."""
    path = Path(path)
    if not path.is_file():
        raise BookError(f"{path} does not exist. Simulate a survey (make book), or give pairs_path an existing file.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        why = f"{path} cannot be read as HDF5 ({error}). It may be truncated or another kind of file"
        raise BookError(f"{why}: delete it and run again, or download it again.") from error
    problems = []
    for group in GROUPS:
        lengths = set()
        for name, expected in _SHAPES.items():
            shape = getattr(file.get(f"{group}/{name}"), "shape", None)
            if shape is None:
                problems.append(f"no dataset '{group}/{name}'")
            elif shape[1:] != expected:
                problems.append(f"'{group}/{name}' has shape {shape}")
            lengths.add(shape[0] if shape else None)
        if len(lengths - {None}) > 1:
            problems.append(f"group '{group}' has unequal lengths")
    if problems:
        file.close()
        raise BookError(
            f"{path} is not in the AstroCLIP release layout: {'; '.join(problems[:4])}. Expected groups '0' to '9' with "
            f"images (N, {IMAGE_SIZE}, {IMAGE_SIZE}, 3), spectra (N, {N_WAVELENGTH}), redshifts (N,), targetids (N,)."
        )
    return file


def index_pairs(path: Path, validation_fraction: float, seed: int) -> tuple[Index, dict[str, int]]:
    """The usable rows of a pairs file, split, and how many were left out by reason.

    The first 80 % of each group is the training side and the rest the test set, as in the release;
    ``validation_fraction`` of each group's training side, drawn at random, is set apart. Of objects that the file has more
    than once, the first is kept, so that none is on both sides. BookError for an unreadable file, or when a split would be
    empty.
    """
    rng, tables = np.random.default_rng(seed), []
    with open_pairs(path) as file:
        for number, group in enumerate(GROUPS):
            redshift = file[group]["redshifts"][:].astype(np.float32)
            split = np.full(len(redshift), SPLITS.index("test"), np.uint8)
            n_train = int(TRAIN_FRACTION * len(redshift))
            split[:n_train] = SPLITS.index("train")
            split[rng.permutation(n_train)[: round(validation_fraction * n_train)]] = SPLITS.index("validation")
            columns = {
                "targetid": file[group]["targetids"][:].astype(np.int64),
                "redshift": redshift,
                "group": np.full(len(redshift), number, np.int16),
                "row": np.arange(len(redshift), dtype=np.int32),
                "split": split,
                "reason": _unusable(file[group], redshift),
            }
            tables.append(pd.DataFrame(columns))
    table = pd.concat(tables)
    usable = table[table["reason"] < 0]
    kept = usable.drop_duplicates("targetid")
    index = Index(**{name: np.array(kept[name]) for name in Index.__dataclass_fields__})
    dropped = {name: int((table["reason"] == i).sum()) for i, name in enumerate(REASONS)}
    dropped["duplicate"] = len(usable) - len(kept)
    for name, count in dropped.items():
        if count:
            log.warning("%s: left out %d objects (%s)", path, count, name.replace("_", " "))
    for split in SPLITS:
        if len(index.where(split)) == 0:
            raise BookError(f"{path} leaves no usable objects for {split}: it has {len(index)}. Use a larger file.")
    return index, dropped


def _unusable(data: h5py.Group, redshift: np.ndarray) -> np.ndarray:
    """Position in `REASONS` for each row of a group, -1 for a usable one."""
    conditions = [~np.isfinite(redshift), (redshift < REDSHIFTS[0]) | (redshift > REDSHIFTS[1])]
    for name in ("spectra", "images"):
        power = np.empty(len(redshift))
        for start in range(0, len(redshift), _BLOCK):
            pixels = data[name][start : start + _BLOCK]
            pixels = pixels.reshape(len(pixels), -1)
            # A sum of squares is zero, finite or not as its terms are, and needs one pass over the pixels.
            power[start : start + _BLOCK] = np.einsum("ij,ij->i", pixels, pixels, dtype=np.float64)
        conditions += [power == 0, ~np.isfinite(power)]
    return np.select(conditions, range(len(conditions)), -1)
