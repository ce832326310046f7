"""Makes ``src/real_sky/sky.json`` of the files of observations: ``python datasets/measure_sky.py <directory>``."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from skypy.galaxies.spectrum import kcorrect
from speclite.filters import load_filter

from astroclip_book.data.catalog import COSMOLOGY
from astroclip_book.data.pairs import WAVELENGTH
from mock_survey import sed
from real_sky import sky

MAX_REDSHIFT = 0.8
HUBBLE = 70  # km/s/Mpc


def measure(directory: Path) -> dict:
    """The content of ``sky.json``: for each statistic its ``source`` and its numbers, to four significant digits.

    The directory has ``astroclip_redshifts.npy``, ``astroclip_spectra_std.npy``, ``desi_spectra.npz``, ``grz_images.npz``,
    ``resolve_galaxies.csv`` and ``mock_targets/kcorrect5_coefficients.npz``.
    """
    redshift = np.load(directory / "astroclip_redshifts.npy")
    redshift = redshift[(redshift > 0) & (redshift < MAX_REDSHIFT)]
    std = np.load(directory / "astroclip_spectra_std.npy")
    spectra = np.load(directory / "desi_spectra.npz", allow_pickle=False)
    images = np.load(directory / "grz_images.npz", allow_pickle=False)
    coadds = np.char.find(images["note"], "coadd") >= 0
    return _rounded({
        "redshift": {
            "source": "AstroCLIP release (Parker et al. 2024), a subset; 0 < z < 0.8",
            "n": redshift.size,
            "percentiles": np.percentile(redshift, np.arange(101)),
        },
        "colours": {
            "source": "GAMA DR4, flux-limited at r = 19.8, free of Galactic dust, brought from SDSS's to DECam's bands by fits of "
            "the five kcorrect templates; through desihub/LSS",
            "bins": sky.colour_percentiles(*_gama(directory / "mock_targets" / "kcorrect5_coefficients.npz")),
        },
        "spectra_std": {
            "source": "AstroCLIP release: standard deviation of each pixel over z-scored spectra, means of 31 pixels",
            "std": sky.binned(std),
        },
        "spectra_snr": {
            "source": "native DESI spectra (early data release): r magnitude of the spectrum, median S/N of a pixel",
            **_snr_of_spectra(spectra["flux"], spectra["ivar"]),
        },
        "image_noise": {
            "source": "Legacy Surveys coadds, nanomaggies per pixel in g, r, z",
            "names": images["name"][coadds],
            "noise": sky.sky_noise(images["images"][coadds]),
        },
        "nearby": {
            "source": "RESOLVE survey (z < 0.025), through mugdhapolimera/SDSS_spectra; 16th, 50th, 84th percentiles",
            **_nearby(directory / "resolve_galaxies.csv"),
        },
    })  # fmt: skip


def _gama(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes (n, 3) in DECam g, r, z: those of the fit and what the fit left over in SDSS's bands; redshifts (n,)."""
    file = np.load(path, allow_pickle=False)
    z, coefficients = file["gama_z"].astype(float), file["gama_coeffs"].astype(float)
    seen = file["gama_maggies"][:, [1, 2, 4]]
    good = (seen > 0).all(axis=1) & (coefficients.sum(axis=1) > 0)
    z, coefficients, seen = z[good], coefficients[good], seen[good]
    sdss, decam = (
        kcorrect.apparent_magnitudes(coefficients, z, list(bands), COSMOLOGY, resolution=1000)
        for bands in (("sdss2010-g", "sdss2010-r", "sdss2010-z"), sed.BANDS)
    )
    return decam - sdss - 2.5 * np.log10(seen), z


def _snr_of_spectra(flux: np.ndarray, ivar: np.ndarray) -> dict:
    snr = np.array([np.median(f[w > 0] * np.sqrt(w[w > 0])) for f, w in zip(flux, ivar, strict=True)])
    band = load_filter("decamDR1-r")
    magnitude = np.array([band.get_ab_magnitude(np.clip(f, 0, None) * 1e-17, WAVELENGTH) for f in flux])
    return {"r": magnitude, "snr": snr}


def _nearby(path: Path) -> dict:
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("cz", "logmstar", "absrmag", "modelg_r", "r50", "b_a")
    column = {name: np.array([float(row[name]) for row in rows]) for name in names}
    good = (column["r50"] > 0) & (column["b_a"] > 0) & (column["logmstar"] > 0) & (np.abs(column["modelg_r"]) < 5)
    cz, mass, absolute, colour, radius, ratio = (values[good] for values in column.values())
    kpc = radius * np.sqrt(ratio) / 206265 * cz / HUBBLE * 1e3  # circularised
    light = np.round(mass + 0.4 * (absolute - sky.SOLAR_R), 6)  # log10 of stellar mass per r luminosity, solar units
    return {
        "log_radius_of_mass": sky.binned_percentiles(mass, np.log10(kpc), sky.MASS_EDGES),
        "mass_to_light_of_colour": sky.binned_percentiles(colour, light, sky.COLOUR_EDGES),
    }


def _rounded(value):
    """Plain Python numbers of four significant digits, for JSON."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_rounded(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.4g}")
    return value if isinstance(value, int) else str(value)


if __name__ == "__main__":
    content = json.dumps(measure(Path(sys.argv[1])), indent=1, ensure_ascii=False)
    Path(sky.__file__).with_suffix(".json").write_text(content + "\n", encoding="utf-8")
