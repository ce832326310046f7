"""The mock survey on disk: population drawn once, galaxies rendered in parallel, written in the release layout."""

from pathlib import Path

import numpy as np
import threadpoolctl
from joblib import Parallel, delayed

from astroclip_book.config import cores
from astroclip_book.data import pairs
from astroclip_book.data.catalog import COSMOLOGY, write_catalog
from astroclip_book.data.files import progress
from mock_survey import Survey, population, sed, structure
from mock_survey.images import artefacts, cutouts
from mock_survey.images.camera import FWHM
from mock_survey.spectra import light, lines, spectrograph

BLOCK = 50  # galaxies rendered by a worker before it reports
WORTH_A_PROCESS = 10  # blocks that take longer than starting a process
FIRST_TARGETID = 39_000_000_000_000_000  # 17 digits, like DESI's

Galaxies = dict[str, np.ndarray]


def simulate(survey: Survey, seed: int, directory: Path, workers: int | None = None) -> dict:
    """Write ``pairs.h5`` and ``catalog.h5`` of a mock survey into a directory.

    Called again on the same directory after a kill, it renders what is missing. The result depends on ``survey`` and
    ``seed`` alone, not on the number of workers (by default one per core). Returned are counts for ``metrics.json``.
    """
    galaxies = truth(survey, seed)
    path, marks = directory / "pairs.h5", directory / "snr.npy"
    if not marks.exists():  # they come last: where they are, the file is laid out
        parts = np.array_split(galaxies["index"], len(pairs.GROUPS))
        pairs.create_pairs(path, [len(part) for part in parts])
        for group, part in zip(pairs.GROUPS, parts, strict=True):
            pairs.open_rows(path, group, "redshifts")[:] = galaxies["redshift"][part]
            pairs.open_rows(path, group, "targetids")[:] = galaxies["targetid"][part]
        np.save(directory / "new.npy", np.zeros(survey.n_galaxies))
        (directory / "new.npy").rename(marks)
    snr = np.load(marks, mmap_mode="r+")  # of the galaxies that are written, and 0 for the others
    blocks = np.array_split(galaxies["index"], range(BLOCK, survey.n_galaxies, BLOCK))
    missing = [block for block in blocks if not snr[block].all()]
    workers = workers or max(1, min(cores(), len(missing) // WORTH_A_PROCESS))
    jobs = (delayed(render)({name: values[block] for name, values in galaxies.items()}, seed) for block in missing)
    rendered = Parallel(workers, return_as="generator")(jobs)
    images, spectra = (  # views of the rows of all groups, one after the other
        [row for group in pairs.GROUPS for row in np.asarray(pairs.open_rows(path, group, name))]
        for name in ("images", "spectra")
    )
    with progress(total=len(blocks), initial=len(blocks) - len(missing), desc="mock survey") as bar:
        for block, (image, spectrum, ratio) in zip(missing, rendered, strict=True):
            for i, index in enumerate(block):
                images[index][:], spectra[index][:] = image[i], spectrum[i]
            snr[block] = ratio
            bar.update()
    snr = np.array(snr)
    write_catalog(directory / "catalog.h5", catalog(galaxies, snr))
    marks.unlink()
    counts = {"n_galaxies": survey.n_galaxies, "artefacts": int((galaxies["artefact"] > 0).sum())}
    medians = {"median_redshift": float(np.median(galaxies["redshift"])), "median_snr": float(np.median(snr))}
    return {"survey": counts | medians}


def truth(survey: Survey, seed: int) -> Galaxies:
    """Everything about the galaxies except their pixels, arrays with first dimension ``n_galaxies``."""
    galaxies = population.draw_population(survey.n_galaxies, seed, survey.magnitude_limit)
    rng = np.random.default_rng([seed, 2])
    galaxies |= cutouts.image_truth(galaxies, survey.image_depth, rng)
    galaxies["artefact"] = artefacts.draw_artefacts(survey.n_galaxies, survey.artefact_fraction, survey.artefacts, rng)
    galaxies |= spectrograph.exposure_truth(galaxies["target"], rng)
    galaxies |= lines.line_truth(galaxies, rng)
    galaxies |= light.fibre_truth(galaxies)
    galaxies["distance_modulus"] = COSMOLOGY.distmod(galaxies["redshift"]).value
    galaxies["index"] = np.arange(survey.n_galaxies)
    galaxies["targetid"] = FIRST_TARGETID + galaxies["index"]
    return galaxies


@threadpoolctl.threadpool_limits.wrap(limits=1)  # the processes fill the cores; sums are the same everywhere
def render(block: Galaxies, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 152, 152, 3) and spectra (n, 7781) of galaxies, float32, and the spectra's median signal-to-noise (n,)."""
    # One generator for each object and instrument: nothing depends on which others are drawn.
    flux = light.observed_spectra(block, block["aperture"])
    observed, sigma = spectrograph.expose(flux, block, [np.random.default_rng([seed, 4, i]) for i in block["index"]])
    images = np.empty((len(flux), pairs.IMAGE_SIZE, pairs.IMAGE_SIZE, 3), np.float32)
    for i, index in enumerate(block["index"]):
        galaxy = {name: values[i] for name, values in block.items()}
        rng = np.random.default_rng([seed, 3, index])
        images[i] = cutouts.draw_image(galaxy, rng)
        if galaxy["artefact"]:
            images[i] = artefacts.ARTEFACTS[artefacts.NAMES[galaxy["artefact"]]](images[i], rng)
    return images, observed.astype(np.float32), np.median(flux / sigma, axis=1)


def catalog(galaxies: Galaxies, snr: np.ndarray) -> dict[str, np.ndarray]:
    """Truth in PROVABGS and Legacy Survey names; magnitudes are those without Galactic dust, as in DESI's selection."""
    g = galaxies
    columns = {
        "TARGETID": g["targetid"],
        "Z": g["redshift"],
        "LOG_MSTAR": g["log_mstar"],
        "LOG_SFR": g["log_sfr"],
        "LOG_SSFR": g["log_sfr"] - g["log_mstar"],
        "AVG_SFR": 10 ** g["log_sfr"],
        "TAGE_MW": g["age"],
        "Z_MW": sed.SOLAR_METALLICITY * 10 ** g["log_z"],
        "VDISP": g["stellar_dispersion"],
        "SNR_SPEC": snr,
        "BULGE_TO_TOTAL": g["bulge_to_total"],
        "HALF_LIGHT_RADIUS": g["radius"],
        "PITCH": np.where(g["spiral"], np.degrees(np.abs(g["pitch"])), np.nan),
        "TARGET_CLASS": np.array(population.CLASSES, "S")[g["target"]],
        "MORPHOLOGY": np.array(structure.MORPHOLOGIES, "S")[g["morphology"]],
        "IONISATION": np.array(lines.KINDS, "S")[g["ionisation"]],
        "ARTEFACT": np.array(artefacts.NAMES, "S")[g["artefact"]],
    }
    same = ("axis_ratio", "inclination", "spiral", "bar", "ring", "merger", "quiescent", "n_neighbours", "ebv")
    columns |= {name.upper(): g[name] for name in same}
    bands = {
        "MAG": g["magnitudes"],
        "FIBERMAG": g["magnitudes"] - 2.5 * np.log10(g["fibre_fraction"]),
        "MW_TRANSMISSION": g["galactic_transmission"],
        "PSFSIZE": FWHM * g["psf_sigma"],
        "SKY_NOISE": g["sky_noise"],
    }
    return columns | {f"{name}_{band}": values[:, i] for name, values in bands.items() for i, band in enumerate("GRZ")}
