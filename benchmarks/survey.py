"""Galaxies per second of the mock survey, against the same galaxies drawn one by one; and what costs how much.

The naive loop is what the examples of GalSim add up to: for each galaxy one `drawImage` per band with its own profile,
PSF, neighbours and noise. Truth and spectra are made by the same functions on both sides, there for one galaxy at a
time. The loop does a little less: neither arms nor bars, rings, mergers or dust lanes, and no noise of the resampling.
"""

import tempfile
import time
from pathlib import Path

import galsim
import h5py
import numpy as np

from astroclip_book.data import pairs
from bookmaking.presets import load_preset
from mock_survey import survey
from mock_survey.images import camera, field
from mock_survey.images import cutouts as images
from mock_survey.spectra import light as spectra
from mock_survey.spectra import spectrograph

N_OURS, N_THEIRS, N_PARTS = 2000, 40, 200
RUN = load_preset("laptop", n_galaxies=N_OURS).survey


def ours() -> float:
    """Galaxies per second of `simulate`, processes started and files written."""
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        survey.simulate(RUN, 0, Path(directory))
        return N_OURS / (time.perf_counter() - start)


def theirs() -> float:
    """Galaxies per second of the naive loop in one process."""
    galaxies = survey.truth(RUN, 0)
    naive_image({name: values[0] for name, values in galaxies.items()})  # tables and profiles loaded once
    spectra_of({name: values[:1] for name, values in galaxies.items()})
    with tempfile.TemporaryDirectory() as directory, h5py.File(Path(directory) / "pairs.h5", "w") as file:
        image = file.create_dataset("images", (N_THEIRS, 152, 152, 3), "f4")
        spectrum = file.create_dataset("spectra", (N_THEIRS, pairs.N_WAVELENGTH), "f4")
        start = time.perf_counter()
        for i in range(N_THEIRS):
            spectrum[i] = spectra_of({name: values[i : i + 1] for name, values in galaxies.items()})[0]
            image[i] = naive_image({name: values[i] for name, values in galaxies.items()})
        return N_THEIRS / (time.perf_counter() - start)


def spectra_of(galaxies: dict) -> np.ndarray:
    """Noisy spectra of galaxies, (n, 7781)."""
    flux = spectra.observed_spectra(galaxies, galaxies["aperture"])
    return spectrograph.expose(flux, galaxies, [np.random.default_rng(i) for i in galaxies["index"]])[0]


def naive_image(galaxy: dict) -> np.ndarray:
    """One galaxy's image by three calls of `drawImage`."""
    neighbours = field.field_objects(galaxy["n_neighbours"], np.random.default_rng(galaxy["index"]))
    shape = {"q": galaxy["axis_ratio"], "beta": galaxy["angle"] * galsim.radians}
    result = np.empty((152, 152, 3), np.float32)
    for band in range(3):
        flux, share = 10 ** (0.4 * (22.5 - galaxy["magnitudes"][band])), galaxy["bulge_share"][band]
        bulge = galsim.DeVaucouleurs(half_light_radius=galaxy["bulge_radius"], flux=share * flux).shear(**shape)
        disc = galsim.Exponential(half_light_radius=galaxy["disc_radius"], flux=(1 - share) * flux).shear(**shape)
        scene = galsim.Add([bulge, disc, *naive_neighbours(neighbours, band)]) * galaxy["galactic_transmission"][band]
        stamp = galsim.Convolve(scene, camera.psf(galaxy["psf_sigma"][band])).drawImage(
            nx=152, ny=152, scale=pairs.PIXEL_SCALE
        )
        stamp.addNoise(galsim.GaussianNoise(galsim.BaseDeviate(int(galaxy["index"]) + 1), galaxy["sky_noise"][band]))
        result[..., band] = stamp.array
    return result


def naive_neighbours(objects: dict, band: int):
    """GalSim profiles of the objects of the field in one band."""
    for i in range(len(objects["flux"])):
        if objects["radius"][i] == 0:
            profile = galsim.DeltaFunction()
        else:
            disc = galsim.Exponential(half_light_radius=objects["radius"][i])
            profile = (0.7 * disc + 0.3 * disc.dilate(0.3)).shear(
                q=objects["axis_ratio"][i], beta=objects["angle"][i] * galsim.radians
            )
        yield profile.shift(*objects["place"][i]) * objects["flux"][i, band]


def parts() -> dict[str, float]:
    """Milliseconds that each part of a galaxy takes on one core."""
    galaxies = {name: values[:N_PARTS] for name, values in survey.truth(RUN, 0).items()}
    each = [{name: values[i] for name, values in galaxies.items()} for i in range(N_PARTS)]
    stamps = [images.draw_image(galaxy, np.random.default_rng(galaxy["index"])) for galaxy in each]
    flux = spectra_of(galaxies)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pairs.h5"
        pairs.create_pairs(path, [N_PARTS] + [0] * (len(pairs.GROUPS) - 1))
        rows = {name: pairs.open_rows(path, pairs.GROUPS[0], name) for name in ("images", "spectra")}

        def write() -> None:
            for i in range(N_PARTS):
                rows["images"][i], rows["spectra"][i] = stamps[i], flux[i]
            for memory in rows.values():
                memory.flush()

        return {
            "truth": clocked(lambda: survey.truth(RUN, 0), N_OURS),
            "images": clocked(
                lambda: [images.draw_image(one, np.random.default_rng(one["index"])) for one in each], N_PARTS
            ),
            "spectra": clocked(lambda: spectra_of(galaxies), N_PARTS),
            "writing": clocked(write, N_PARTS),
        }


def clocked(function, n: int) -> float:
    """Milliseconds of a call for each of n galaxies."""
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start) / n


def entries():
    """What `make bench` writes: both rates, measured one after the other, and the cost of ours by parts."""
    slow, fast = theirs(), ours()
    yield (
        "mock_survey_per_second",
        {
            "ratio": fast / slow,
            "ours": fast,
            "theirs": slow,
            "unit": "galaxies/s",
            "milliseconds": parts(),
        },
    )
