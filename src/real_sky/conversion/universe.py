"""Rows of catalogues of the Multimodal Universe, as the pairs have them.

An ``image`` holds bands, each with ``band``, ``flux`` (h, w) in nanomaggies and ``scale`` in arcsec a pixel; a ``spectrum`` holds
pixels, each with ``flux`` and ``ivar`` in 1e-17 erg/s/cm²/Å, ``lambda`` in Å, and ``mask``, true where a pixel is bad. DESI's have
``Z``, ``ZWARN`` and ``object_id``, the TARGETID, beside it. Source: scripts/legacysurvey, ssl_legacysurvey and desi of
https://github.com/MultimodalUniverse/MultimodalUniverse, and the cards of its HATS catalogues.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astroclip_book.data.pairs import BANDS, IMAGE_SIZE, N_WAVELENGTH, PIXEL_SCALE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.conversion.columns import is_list, numbers, plain, targetids
from real_sky.observations.grid import STEP, complete, rebin
from real_sky.sky.samples import COVERAGE

IMAGE_FIELDS = ("band", "flux", "scale")
SPECTRUM_FIELDS = ("flux", "ivar", "lambda", "mask")
SAME = 0.01  # Å: the grid is that of the pairs, in single precision


def pairs_of(table: pa.Table, where: str) -> dict[str, np.ndarray]:
    """Arrays of matched rows, by the names of the datasets of a file of pairs.

    Parameters
    ----------
    table : pyarrow.Table
        With ``image``, ``spectrum``, ``Z`` and ``object_id`` (the spectrum's), n rows.
    where : str
        What messages call the catalogues.

    Returns
    -------
    dict
        ``images`` (n, 152, 152, 3), the centres of the cut-outs, 0 where a value is not finite; ``spectra`` and ``ivar`` (n, 7781),
        ``redshifts`` and ``targetids`` (n,). Of ``spectra``, what was not seen is filled (`grid.complete`) and has ``ivar`` 0; those
        of which less than four fifths were seen are 0, and so left out by `index_pairs`.

    Raises
    ------
    BookError
        For a band that is missing, images that are too small or of another scale, and spectra that do not reach from 3600
        to 9824 Å.
    """
    flux, ivar = spectra_of(plain(table["spectrum"]), where)
    return {
        "images": images_of(plain(table["image"]), where),
        "spectra": flux,
        "ivar": ivar,
        "redshifts": numbers(plain(table["Z"]), np.dtype(np.float32), f"{where}, column Z"),
        "targetids": targetids(plain(table["object_id"]), f"{where}, column object_id"),
    }


def images_of(column: pa.Array, where: str) -> np.ndarray:
    """The central 152 pixels of images in g, r and z, (n, 152, 152, 3) float32 nanomaggies.

    Raises
    ------
    BookError
        If a band, pixels or the pixel scale are not those of the Legacy Surveys; ``where`` says in which piece.
    """
    names, counts = _field(column, "band", where)
    letters = np.array([str(name).lower().rsplit("-", 1)[-1] for name in names.to_pylist()])  # of DES-G, des-g or g
    scale = numbers(_field(column, "scale", where)[0], np.dtype(float), f"{where}, image.scale")
    if not np.allclose(scale, PIXEL_SCALE, rtol=0.01):
        odd = scale[~np.isclose(scale, PIXEL_SCALE, rtol=0.01)][0]
        raise BookError(
            f"{where}: images have pixels of {odd:.4g} arcsec, {PIXEL_SCALE} are needed: take a Legacy Survey catalogue."
        )
    flux = _field(column, "flux", where)[0]
    image = np.repeat(np.arange(len(column)), counts)  # that each band belongs to
    result = np.empty((len(column), IMAGE_SIZE, IMAGE_SIZE, len(BANDS)), np.float32)
    for i, band in enumerate(BANDS):
        rows = np.flatnonzero(letters == band)
        if not np.array_equal(image[rows], np.arange(len(column))):
            there = ", ".join(dict.fromkeys(map(str, names.to_pylist()))) or "none"
            raise BookError(
                f"{where}: not every image has one band {band}; there are {there}, and g, r and z are needed. "
                "Take a Legacy Survey catalogue."
            )
        result[..., i] = _centre(
            numbers(flux.take(pa.array(rows)), np.dtype(np.float32), f"{where}, image.flux"), where
        )
    return np.nan_to_num(result, copy=False, nan=0, posinf=0, neginf=0)


def spectra_of(column: pa.Array, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance on the grid of the pairs, (n, 7781) float32 each.

    Raises
    ------
    BookError
        If fields are missing or of different lengths, or the wavelengths do not cover the grid.
    """
    values, counts = {}, {}
    for name in SPECTRUM_FIELDS:
        flat, counts[name] = _field(column, name, where)
        values[name] = numbers(flat, np.dtype(bool if name == "mask" else float), f"{where}, spectrum.{name}")
    if any(not np.array_equal(counts[name], counts["flux"]) for name in SPECTRUM_FIELDS):
        raise BookError(f"{where}: {', '.join(SPECTRUM_FIELDS)} of a spectrum have different lengths.")
    seen = ~values["mask"] & np.isfinite(values["flux"]) & np.isfinite(values["ivar"]) & (values["ivar"] > 0)
    flux, ivar = np.where(seen, values["flux"], 0), np.where(seen, values["ivar"], 0)
    ends = np.cumsum(counts["flux"])
    grid = [
        _on_grid(flux[part], ivar[part], values["lambda"][part], where)
        for part in map(slice, ends - counts["flux"], ends)
    ]
    flux, ivar = (np.array(arrays).reshape(-1, N_WAVELENGTH) for arrays in zip(*grid, strict=True))
    enough = (ivar > 0).mean(axis=1) >= COVERAGE
    flux[enough], flux[~enough] = complete(flux[enough], ivar[enough]), 0
    return flux.astype(np.float32), ivar.astype(np.float32)


def _on_grid(flux: np.ndarray, ivar: np.ndarray, wavelength: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    if len(wavelength) == N_WAVELENGTH and np.allclose(wavelength, WAVELENGTH, rtol=0, atol=SAME):
        return flux, ivar
    if len(wavelength) < 2 or not (np.diff(wavelength) > 0).all():
        raise BookError(f"{where}: a spectrum's lambda does not increase from pixel to pixel.")
    if wavelength[0] > WAVELENGTH[0] + STEP or wavelength[-1] < WAVELENGTH[-1] - STEP:
        raise BookError(
            f"{where}: a spectrum reaches from {wavelength[0]:.0f} to {wavelength[-1]:.0f} Å; "
            f"{WAVELENGTH[0]:.0f} to {WAVELENGTH[-1]:.0f} Å are needed. Take a catalogue of DESI spectra."
        )
    return rebin(flux, ivar, wavelength)


def _centre(images: np.ndarray, where: str) -> np.ndarray:
    if images.ndim != 3 or min(images.shape[1:]) < IMAGE_SIZE:
        raise BookError(
            f"{where}: an image has {' × '.join(map(str, images.shape[1:]))} pixels, {IMAGE_SIZE} × {IMAGE_SIZE} are "
            "needed: take a catalogue with larger cut-outs."
        )
    top, left = ((size - IMAGE_SIZE) // 2 for size in images.shape[1:])
    return images[:, top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]


def _field(column: pa.Array, name: str, where: str) -> tuple[pa.Array, np.ndarray]:
    """Values of one field of all rows, one after another, and how many each row has.

    The rows are structs of lists, as in Parquet files, or lists of structs, as nested-pandas hands them over.
    """
    kind = column.type.value_type if is_list(column.type) else column.type
    if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
        raise BookError(
            f"{where}: no field {name} in {kind}; images need {', '.join(IMAGE_FIELDS)} and spectra "
            f"{', '.join(SPECTRUM_FIELDS)}."
        )
    lists = column if is_list(column.type) else pc.struct_field(column, name)
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    values = plain(lists.flatten())
    return pc.struct_field(values, name) if is_list(column.type) else values, counts
