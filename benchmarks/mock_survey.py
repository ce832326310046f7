"""Galaxies per second of the mock survey, against the same galaxies drawn one by one.

The naive loop is what the examples of the two libraries add up to: for each galaxy SkyPy's magnitudes, template
spectrum and noise, and one GalSim `drawImage` per band with its own profile, PSF, neighbours and noise. It does a
little less (no spiral arms, template lines only).
"""

import tempfile
import time
from pathlib import Path

import galsim
import h5py
import numpy as np

from astroclip_book import pairs
from astroclip_book.mock import images, population, spectra, survey
from astroclip_book.mock.population import kcorrect
from astroclip_book.presets import Survey

N_OURS, N_THEIRS = 2000, 40
RUN = Survey(n_galaxies=N_OURS, magnitude_limit=19.5, artefact_fraction=0.02)


def ours() -> float:
    """Galaxies per second of `simulate`, processes started and files written."""
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        survey.simulate(RUN, 0, Path(directory))
        return N_OURS / (time.perf_counter() - start)


def theirs() -> float:
    """Galaxies per second of the naive loop in one process."""
    galaxies = survey.truth(RUN, 0)
    naive_image({name: values[0] for name, values in galaxies.items()})  # filter curves and profiles loaded once
    with tempfile.TemporaryDirectory() as directory, h5py.File(Path(directory) / "pairs.h5", "w") as file:
        image = file.create_dataset("images", (N_THEIRS, 152, 152, 3), "f4")
        spectrum = file.create_dataset("spectra", (N_THEIRS, pairs.N_WAVELENGTH), "f4")
        start = time.perf_counter()
        for i in range(N_THEIRS):
            galaxy = {name: values[i] for name, values in galaxies.items()}
            spectrum[i] = naive_spectrum(galaxy)
            image[i] = naive_image(galaxy)
        return N_THEIRS / (time.perf_counter() - start)


def naive_spectrum(galaxy: dict) -> np.ndarray:
    """One galaxy's noisy spectrum straight from SkyPy's templates."""
    rest = kcorrect.wavelength.value * (1 + galaxy["redshift"])
    sed = galaxy["coefficients"] @ kcorrect.templates.value * galaxy["formed_mass"]
    dimming = 10 ** (-0.4 * galaxy["distance_modulus"]) / (1 + galaxy["redshift"])
    flux = 1e17 * np.interp(pairs.WAVELENGTH, rest, sed) * dimming
    noise = galaxy["spectrum_noise"] * spectra.noise_shape() * np.random.standard_normal(flux.size)
    return flux * galaxy["fibre_fraction"][1] + noise


def naive_image(galaxy: dict) -> np.ndarray:
    """One galaxy's image by three calls of `drawImage`."""
    magnitudes = kcorrect.apparent_magnitudes(
        galaxy["coefficients"][None], galaxy["redshift"][None], list(population.BANDS), population.COSMOLOGY,
        stellar_mass=galaxy["formed_mass"][None],
    )[0]
    rng = np.random.default_rng(galaxy["index"])
    neighbours = list(images.neighbour_profiles(galaxy["n_neighbours"], rng))
    shape = {"q": galaxy["axis_ratio"], "beta": galaxy["angle"] * galsim.radians}
    result = np.empty((152, 152, 3), np.float32)
    for band in range(3):
        flux, share = 10 ** (0.4 * (22.5 - magnitudes[band])), galaxy["bulge_to_total"]
        bulge = galsim.DeVaucouleurs(half_light_radius=galaxy["bulge_radius"], flux=share * flux).shear(**shape)
        disc = galsim.Exponential(half_light_radius=galaxy["disc_radius"], flux=(1 - share) * flux).shear(**shape)
        scene = galsim.Add([bulge, disc, *(profile * f[band] for profile, f in neighbours)])
        psf = galsim.Moffat(beta=images.MOFFAT_BETA, fwhm=2.355 * galaxy["psf_sigma"][band] * pairs.PIXEL_SCALE)
        stamp = galsim.Convolve(scene, psf).drawImage(nx=152, ny=152, scale=pairs.PIXEL_SCALE)
        stamp.addNoise(galsim.GaussianNoise(galsim.BaseDeviate(int(galaxy["index"]) + 1), galaxy["sky_noise"][band]))
        result[..., band] = stamp.array
    return result


def bench() -> dict:
    """Both rates, measured one after the other."""
    slow, fast = theirs(), ours()
    return {"ratio": fast / slow, "ours": fast, "theirs": slow, "unit": "galaxies/s"}


def entries():
    """What `make bench` writes."""
    yield "mock_survey_per_second", bench()


if __name__ == "__main__":
    print(bench())
