"""Small HDF5 artefacts as nested dictionaries."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def read_hdf5(path: Path, group: str = "/") -> dict:
    """All of an HDF5 file, or of a group of it, in memory: groups become dictionaries, datasets arrays."""
    with h5py.File(path, "r") as file:
        return _read(file[group])


def _read(group: h5py.Group) -> dict[str, dict | np.ndarray]:
    return {name: _read(item) if isinstance(item, h5py.Group) else item[()] for name, item in group.items()}


def write_hdf5(path: Path, arrays: dict) -> None:
    """Write arrays as datasets of these names, dictionaries of them as groups."""
    with h5py.File(path, "w") as file:
        _write(file, arrays)


def _write(group: h5py.Group, arrays: dict) -> None:
    for name, values in arrays.items():
        if isinstance(values, dict):
            _write(group.require_group(name), values)
        else:
            group[name] = values
