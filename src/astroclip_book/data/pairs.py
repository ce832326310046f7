"""The AstroCLIP release layout: one reader for the mock survey and the real file.

HDF5 groups ``"0"`` … ``"9"``, each with ``images`` (N, 152, 152, 3) in nanomaggies, bands g, r, z;
``spectra`` (N, 7781); ``redshifts`` (N,); ``targetids`` (N,). Source: the data release of AstroCLIP
(Parker et al. 2024, https://doi.org/10.1093/mnras/stae1450).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

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
BLOCK = 256  # rows in memory at a time, while a file is checked

REASONS = (  # to leave an object out
    "redshift_not_finite", "redshift_out_of_range", "spectrum_zero", "spectrum_not_finite", "image_zero", "image_not_finite",
    "duplicate",
)  # fmt: skip
_LAYOUT = {
    "images": ((IMAGE_SIZE, IMAGE_SIZE, 3), np.float32),
    "spectra": ((N_WAVELENGTH,), np.float32),
    "redshifts": ((), np.float32),
    "targetids": ((), np.int64),
}


def create_pairs(path: Path, counts: list[int], ivar: bool = False) -> None:
    """Write an empty file in the release layout, its space laid out but not filled.

    All metadata are final when this returns, so that processes can fill disjoint rows through
    `open_rows` and a killed run leaves a valid file.

    Parameters
    ----------
    path : Path
    counts : list of int
        Rows in each of the ten groups.
    ivar : bool
        Whether there are inverse variances of the spectra beside the release's datasets.
    """
    layout = _LAYOUT | ({"ivar": _LAYOUT["spectra"]} if ivar else {})
    with h5py.File(path, "w", libver="latest") as file:
        for group, count in zip(GROUPS, counts, strict=True):
            parent = file.create_group(group)
            for name, (shape, dtype) in layout.items():
                properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                properties.set_obj_track_times(False)  # the same survey is the same file, to the byte
                space = h5py.h5s.create_simple((count, *shape))
                h5py.h5d.create(parent.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, properties)


def open_rows(path: Path, group: str, name: str) -> np.memmap:
    """A writable view of one dataset made by `create_pairs`, e.g. (N, 7781) float32 for ``spectra``."""
    with h5py.File(path, "r") as file:
        dataset = file[group][name]
        offset, shape, dtype = dataset.id.get_offset(), dataset.shape, dataset.dtype
    return np.memmap(path, dtype=dtype, mode="r+", offset=offset, shape=shape)


@dataclass(frozen=True)
class Index:
    """The usable rows of a pairs file, in file order; every later artefact has one row for each.

    Attributes
    ----------
    targetid : (N,) int64
    redshift : (N,) float32
    group, row : (N,) int16 and int32, where the object stands in the pairs file
    split : (N,) uint8, position in ``SPLITS``
    """

    targetid: np.ndarray
    redshift: np.ndarray
    group: np.ndarray
    row: np.ndarray
    split: np.ndarray

    def __len__(self) -> int:
        return len(self.targetid)

    def where(self, *splits: str) -> np.ndarray:
        """Positions of the objects of the named splits, ascending."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(s) for s in splits]))

    def save(self, path: Path) -> None:
        """Write to HDF5, a dataset an attribute."""
        with h5py.File(path, "w") as file:
            for name, values in vars(self).items():
                file[name] = values

    @classmethod
    def load(cls, path: Path) -> Index:
        """Read what `save` wrote."""
        with h5py.File(path, "r") as file:
            return cls(**{name: file[name][:] for name in cls.__dataclass_fields__})


class Pairs:
    """Reads images and spectra of indexed objects, never more than asked for.

    Parameters
    ----------
    path : Path
        A file in the release layout.
    index : Index
        The rows to read; positions below count within it.

    Raises
    ------
    BookError
        If the file is missing, truncated, not HDF5 or of another layout.
    """

    def __init__(self, path: Path, index: Index):
        self.path, self.index = Path(path), index
        self.file = open_pairs(path)
        self._datasets: dict[tuple[str, str], tuple[h5py.Dataset, int | None]] = {}
        self._bytes = self.path.open("rb", buffering=0)

    def images(self, positions: np.ndarray) -> np.ndarray:
        """Whole cut-outs, (n, 152, 152, 3) float32 nanomaggies g, r, z, in the order of ``positions``."""
        return self._read("images", positions)

    def spectra(self, positions: np.ndarray) -> np.ndarray:
        """Flux on ``WAVELENGTH``, (n, 7781) float32 in 1e-17 erg/s/cm²/Å, in the order of ``positions``."""
        return self._read("spectra", positions)

    def ivar(self, positions: np.ndarray) -> np.ndarray | None:
        """Inverse variances of the spectra, (n, 7781), where the file has them beside the release's datasets; else None."""
        if not all("ivar" in self.file[group] for group in GROUPS):
            return None
        return self._read("ivar", positions)

    def _read(self, name: str, positions: np.ndarray) -> np.ndarray:
        positions = np.asarray(positions)
        order = np.argsort(positions, kind="stable")
        groups, rows = self.index.group[positions[order]], self.index.row[positions[order]]
        result = np.empty((len(positions), *self.file[GROUPS[0]][name].shape[1:]), np.float32)
        # Adjacent rows become one read each, straight into their place.
        breaks = np.flatnonzero((np.diff(groups) != 0) | (np.diff(rows) != 1)) + 1
        starts = np.concatenate([[0], breaks]) if len(order) else []
        for start, stop in zip(starts, [*breaks, len(order)], strict=False):
            (dataset, offset), part = self._dataset(GROUPS[groups[start]], name), result[start:stop]
            if offset is None or dataset.dtype != result.dtype:
                dataset.read_direct(result, slice(rows[start], rows[stop - 1] + 1), slice(start, stop))
                continue
            # Where a dataset lies in the file in one piece, rows in random order come 20 times faster past HDF5.
            self._bytes.seek(offset + int(rows[start]) * part[0].nbytes)
            missing = memoryview(part.reshape(-1).view(np.uint8))
            while missing and (n := self._bytes.readinto(missing)):  # Linux reads 2 GiB at a time at most
                missing = missing[n:]
            if missing:
                raise BookError(f"{self.path} ends within {dataset.name}: it is truncated. Download or simulate it again.")
        return result if np.array_equal(order, np.arange(len(order))) else result[np.argsort(order)]

    def _dataset(self, group: str, name: str) -> tuple[h5py.Dataset, int | None]:
        """A dataset, looked up once, and where its first row lies in the file; None for one in chunks."""
        if (group, name) not in self._datasets:
            dataset = self.file[group][name]
            self._datasets[group, name] = dataset, dataset.id.get_offset()
        return self._datasets[group, name]


def open_pairs(path: Path) -> h5py.File:
    """Open a pairs file for reading after checking its layout.

    Raises
    ------
    BookError
        If the file is missing, truncated, not HDF5 or of another layout.
    """
    path = Path(path)
    if not path.is_file():
        raise BookError(f"{path} does not exist. Simulate a survey (make book), or give pairs_path an existing file.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise BookError(
            f"{path} cannot be read as HDF5 ({error}). It may be truncated or another kind of file. Where a run made it, "
            "delete it and run again; else compare its size with the source's, and download it again."
        ) from error
    problems = [problem for group in GROUPS for problem in _layout_problems(file, group)]
    if problems:
        file.close()
        raise BookError(
            f"{path} is not in the AstroCLIP release layout: {'; '.join(problems[:4])}. Expected groups '0' to '9' with "
            f"images (N, {IMAGE_SIZE}, {IMAGE_SIZE}, 3), spectra (N, {N_WAVELENGTH}), redshifts (N,), targetids (N,)."
        )
    return file


def _layout_problems(file: h5py.File, group: str) -> list[str]:
    if group not in file:
        return [f"no group '{group}'"]
    problems, counts = [], {}
    for name, (shape, _) in _LAYOUT.items():
        dataset = file[group].get(name)
        if not isinstance(dataset, h5py.Dataset):
            problems.append(f"no dataset '{group}/{name}'")
        elif dataset.ndim == 0 or dataset.shape[1:] != shape:
            problems.append(f"'{group}/{name}' has shape {dataset.shape}")
        else:
            counts[name] = dataset.shape[0]
    if len(set(counts.values())) > 1:
        problems.append(f"group '{group}' has unequal lengths {counts}")
    return problems


def index_pairs(path: Path, validation_fraction: float, seed: int) -> tuple[Index, dict[str, int]]:
    """Read a pairs file once, leave out unusable rows, and split the rest.

    The first 80 % of each group is the training side and the rest the test set, as in the release;
    ``validation_fraction`` of each group's training side, drawn at random, is set apart. Of objects that
    the file has more than once, the first is kept, so that none is on both sides.

    Parameters
    ----------
    path : Path
    validation_fraction : float
        Between 0 and 1, exclusive.
    seed : int

    Returns
    -------
    index : Index
    dropped : dict
        How many rows were left out, by reason.

    Raises
    ------
    BookError
        For an unreadable file, or when a split would be empty.
    """
    if not 0 < validation_fraction < 1:
        raise BookError(f"data: validation_fraction must lie between 0 and 1, not {validation_fraction}.")
    dropped = dict.fromkeys(REASONS, 0)
    columns: dict[str, list] = {name: [] for name in Index.__dataclass_fields__}
    rng = np.random.default_rng(seed)
    with open_pairs(path) as file:
        for number, group in enumerate(GROUPS):
            data = file[group]
            count = len(data["targetids"])
            redshift = data["redshifts"][:].astype(np.float32)
            reasons = _unusable(data, redshift)
            for reason, rows in reasons.items():
                dropped[reason] += int(rows.sum())
            split = np.full(count, SPLITS.index("test"), np.uint8)
            n_train = int(TRAIN_FRACTION * count)
            split[:n_train] = SPLITS.index("train")
            split[rng.permutation(n_train)[: round(validation_fraction * n_train)]] = SPLITS.index("validation")
            good = ~np.any(list(reasons.values()), axis=0)
            row = np.flatnonzero(good)
            columns["targetid"].append(data["targetids"][:][good].astype(np.int64))
            columns["redshift"].append(redshift[good])
            columns["group"].append(np.full(len(row), number, np.int16))
            columns["row"].append(row.astype(np.int32))
            columns["split"].append(split[good])
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    first = np.sort(np.unique(whole["targetid"], return_index=True)[1])
    dropped["duplicate"] = len(whole["targetid"]) - len(first)
    index = Index(**{name: values[first] for name, values in whole.items()})
    for reason, count in dropped.items():
        if count:
            log.warning("%s: left out %d objects (%s)", path, count, reason.replace("_", " "))
    for split in SPLITS:
        if len(index.where(split)) == 0:
            raise BookError(f"{path} leaves no usable objects for {split}: it has {len(index)} in all. Use a larger file.")
    return index, dropped


def _unusable(data: h5py.Group, redshift: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of one group that cannot be used, as a boolean array for each reason; each row has one reason at most."""
    count = len(redshift)
    flags = {name: np.zeros(count, bool) for name in REASONS[:-1]}
    flags["redshift_not_finite"] = ~np.isfinite(redshift)
    flags["redshift_out_of_range"] = (redshift < REDSHIFTS[0]) | (redshift > REDSHIFTS[1])
    for start in range(0, count, BLOCK):
        rows = slice(start, min(start + BLOCK, count))
        for kind, name in (("spectrum", "spectra"), ("image", "images")):
            # A sum of squares is zero, finite or not as its terms are, and needs one pass over the pixels.
            values = data[name][rows].reshape(rows.stop - rows.start, -1)
            power = np.einsum("ij,ij->i", values, values, dtype=np.float64)
            flags[f"{kind}_zero"][rows] = power == 0
            flags[f"{kind}_not_finite"][rows] = ~np.isfinite(power)
    taken = np.zeros(count, bool)
    for flag in flags.values():
        flag &= ~taken
        taken |= flag
    return flags
