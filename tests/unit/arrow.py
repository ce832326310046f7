"""Pairs as other people's Arrow tables hold them."""

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from astroclip_book.data.pairs import GROUPS, WAVELENGTH


def nested(array: np.ndarray) -> pa.Array:
    """An array (n, ...) as a column of nested lists."""
    column = pa.array(array.reshape(-1))
    for size in array.shape[:0:-1]:
        column = pa.ListArray.from_arrays(pa.array(np.arange(0, len(column) + 1, size), pa.int32()), column)
    return column


def read_all(path: Path) -> dict[str, np.ndarray]:
    """All datasets of a file of pairs, groups one after another."""
    with h5py.File(path) as file:
        return {name: np.concatenate([file[group][name][:] for group in GROUPS]) for name in file["0"]}


def assert_same_pairs(path: Path, pairs: dict[str, np.ndarray]) -> None:
    """That a file has these pairs, in whatever order."""
    there = read_all(path)
    order, wanted = np.argsort(there["targetids"]), np.argsort(pairs["targetids"])
    for name in pairs:
        np.testing.assert_array_equal(there[name][order], pairs[name][wanted], err_msg=name)


def release(pairs: dict[str, np.ndarray]) -> pa.Table:
    """The columns of the release's public Parquet conversion."""
    columns = {"image": nested(pairs["images"]), "spectrum": nested(pairs["spectra"][..., None])}
    return pa.table(columns | {"redshift": pairs["redshifts"], "targetid": pairs["targetids"]})


def write_release(directory: Path, pairs: dict[str, np.ndarray], sizes: dict[str, int], row_group: int = 10) -> Path:
    """Pairs in files of these names and sizes, in this order."""
    directory.mkdir(parents=True, exist_ok=True)
    table, start = release(pairs), 0
    for name, size in sizes.items():
        pq.write_table(table.slice(start, size), directory / f"{name}.parquet", row_group_size=row_group)
        start += size
    return directory


def images(cutouts: np.ndarray, bands=("DES-G", "DES-R", "DES-I", "DES-Z"), scale: float = 0.262) -> pa.Array:
    """Cut-outs (n, bands, h, w) as the Multimodal Universe has Legacy Survey images."""
    per_band = [nested(np.full((len(cutouts), len(bands)), value, np.float32)) for value in (1.3, scale)]
    arrays = [pa.array([list(bands)] * len(cutouts)), nested(cutouts), *per_band]
    return pa.StructArray.from_arrays(arrays, ["band", "flux", "psf_fwhm", "scale"])


def spectra(flux: np.ndarray, ivar=None, wavelength=WAVELENGTH, mask=None) -> pa.Array:
    """Spectra (n, p) as the Multimodal Universe has DESI's."""
    arrays = {
        "flux": flux,
        "ivar": np.ones_like(flux) if ivar is None else ivar,
        "lsf_sigma": np.full_like(flux, 0.86),
        "lambda": np.broadcast_to(wavelength, flux.shape).astype(np.float32),
        "mask": np.zeros(flux.shape, bool) if mask is None else mask,
    }
    columns = [nested(np.ascontiguousarray(values)) for values in arrays.values()]
    return pa.StructArray.from_arrays(columns, list(arrays))


def framed(pairs: np.ndarray, size: int = 160) -> np.ndarray:
    """Images of pairs (n, 152, 152, 3) as larger cut-outs (n, 4, size, size) in g, r, i, z with something around them."""
    margin = (size - pairs.shape[1]) // 2
    cutouts = np.full((len(pairs), 4, size, size), 7, np.float32)
    inner = np.moveaxis(pairs[..., [0, 1, 1, 2]], -1, 1) + np.float32([0, 0, 5, 0])[:, None, None]
    cutouts[:, :, margin : size - margin, margin : size - margin] = inner
    return cutouts


def catalogues(pairs: dict[str, np.ndarray], seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """Catalogues of images and of spectra of the same galaxies, each in an order of its own, placed on a patch of the sky."""
    rng = np.random.default_rng(seed)
    n = len(pairs["targetids"])
    ra, dec = rng.uniform(150, 180, n), rng.uniform(2, 22, n)  # degrees
    one, other = rng.permutation(n), rng.permutation(n)
    names = [f"b'{i}'" for i in range(n)]
    image = pa.table({"image": images(framed(pairs["images"])), "object_id": names, "ra": ra, "dec": dec})
    columns = {"spectrum": spectra(pairs["spectra"]), "Z": pairs["redshifts"], "ZWARN": np.zeros(n, bool), "dec": dec}
    columns |= {"object_id": pairs["targetids"].astype(str).tolist(), "ra": ra + rng.normal(0, 3e-5, n)}
    spectrum = pa.table(columns)
    return image.take(one), spectrum.take(other)
