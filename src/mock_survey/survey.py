"""The mock survey on disk: population drawn once, galaxies rendered in parallel, straight into the release layout."""

from __future__ import annotations

import difflib
import itertools
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import h5py
import numpy as np
import threadpoolctl

from astroclip_book.config import cores
from astroclip_book.data import pairs
from astroclip_book.data.catalog import write_catalog
from astroclip_book.data.cosmology import COSMOLOGY
from astroclip_book.data.progress import progress
from astroclip_book.errors import BookError
from mock_survey.config import Survey
from mock_survey.galaxies import population, sed, structure
from mock_survey.images import artefacts
from mock_survey.images import cutouts as images
from mock_survey.images.camera import FWHM
from mock_survey.spectra import light as spectra
from mock_survey.spectra import lines, spectrograph

BLOCK = 50  # galaxies rendered by a worker before it reports
WORTH_A_PROCESS = 10  # blocks that take longer than starting a process
BYTES_PER_GALAXY = 4 * (152 * 152 * 3 + pairs.N_WAVELENGTH) + 12
FIRST_TARGETID = 39_000_000_000_000_000  # 17 digits, like DESI's


def simulate(survey: Survey, seed: int, directory: Path, workers: int | None = None) -> dict:
    """Write ``pairs.h5`` and ``catalog.h5`` of a mock survey into a directory.

    Called again on the same directory after a kill, it renders what is missing. The result depends on
    ``survey`` and ``seed`` alone, not on the number of workers.

    Parameters
    ----------
    survey : presets.Survey
    seed : int
    directory : Path
    workers : int, optional
        Processes; by default one per core.

    Returns
    -------
    dict of counts for ``metrics.json``

    Raises
    ------
    BookError
        For an impossible survey or too little disk space.
    """
    _check(survey)
    galaxies = truth(survey, seed)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    path, done = directory / "pairs.h5", directory / "done"
    _prepare(path, done, survey, seed)
    blocks = range(0, survey.n_galaxies, BLOCK)
    todo = [start for start in blocks if not (done / f"{start}.npy").exists()]
    jobs = (
        (path, done, seed, start, {name: values[start : start + BLOCK] for name, values in galaxies.items()})
        for start in todo
    )
    with progress(total=len(blocks), initial=len(blocks) - len(todo), description="mock survey") as bar:
        for _ in _rendered(jobs, workers or max(1, min(cores(), len(todo) // WORTH_A_PROCESS))):
            bar.update()
    snr = np.concatenate([np.load(done / f"{start}.npy") for start in blocks])
    write_catalog(directory / "catalog.h5", _catalog(galaxies, snr))
    shutil.rmtree(done)
    return {"survey": _counts(galaxies, snr)}


def truth(survey: Survey, seed: int) -> dict[str, np.ndarray]:
    """Everything about the galaxies except their pixels, arrays with first dimension ``n_galaxies``."""
    galaxies = population.draw_population(survey.n_galaxies, seed, survey.magnitude_limit)
    rng = np.random.default_rng([seed, 2])
    galaxies |= images.image_truth(galaxies, survey.image_depth, rng)
    galaxies["artefact"] = artefacts.draw_artefacts(survey.n_galaxies, survey.artefact_fraction, survey.artefacts, rng)
    galaxies |= spectrograph.exposure_truth(galaxies["target"], rng)
    galaxies |= lines.line_truth(galaxies, rng)
    galaxies["aperture"] = spectra.aperture(galaxies)
    galaxies["fibre_fraction"] = spectra.fibre_fraction(galaxies)
    galaxies["distance_modulus"] = COSMOLOGY.distmod(galaxies["redshift"]).value
    galaxies["index"] = np.arange(survey.n_galaxies)
    galaxies["targetid"] = FIRST_TARGETID + galaxies["index"]
    return galaxies


def _check(survey: Survey) -> None:
    if survey.n_galaxies < 100:
        raise BookError(
            f"survey.n_galaxies must be at least 100, so that each of ten groups has a test set; "
            f"not {survey.n_galaxies}."
        )
    if not 0 <= survey.artefact_fraction <= 1:
        raise BookError(f"survey.artefact_fraction must lie between 0 and 1, not {survey.artefact_fraction}.")
    if not survey.artefacts:
        raise BookError("survey.artefacts names no kind. For a survey without artefacts set artefact_fraction to 0.")
    for kind in survey.artefacts:
        if kind not in artefacts.ARTEFACTS:
            close = difflib.get_close_matches(kind, artefacts.ARTEFACTS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise BookError(f"survey.artefacts: there is no '{kind}'.{hint} Kinds: {', '.join(artefacts.ARTEFACTS)}.")
    if not 0 < survey.image_depth < np.inf:
        raise BookError(
            f"survey.image_depth must be above 0 (1 is the exposure of the Legacy Surveys), not {survey.image_depth}."
        )


def _check_space(directory: Path, n: int) -> None:
    needed, free = int(1.05 * n * BYTES_PER_GALAXY), shutil.disk_usage(directory).free
    if needed > free:
        raise BookError(
            f"{directory} has {free / 1e9:.1f} GB free and the survey needs {needed / 1e9:.1f} GB. "
            "Free some space, choose another run_dir, or lower n_galaxies."
        )


def _prepare(path: Path, done: Path, survey: Survey, seed: int) -> None:
    """Lay out the file, unless an earlier call with the same survey left it half filled."""
    mark = repr((survey, seed))
    if path.exists() and (done / "survey").exists() and (done / "survey").read_text() == mark:
        return
    _check_space(path.parent, survey.n_galaxies)
    shutil.rmtree(done, ignore_errors=True)
    pairs.create_pairs(path, [len(part) for part in np.array_split(np.arange(survey.n_galaxies), len(pairs.GROUPS))])
    if hasattr(os, "posix_fallocate"):  # the space is ours from here on: a disk that fills up cannot kill the workers
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    done.mkdir()
    (done / "survey").write_text(mark)


def _rendered(jobs: Iterator[tuple], workers: int) -> Iterator[None]:
    """Render blocks in this process or in several, yielding as each is done."""
    if workers == 1:
        for job in jobs:
            yield _render(*job)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        # A window of jobs in flight keeps the blocks' truths from piling up in the queue.
        running = {pool.submit(_render, *job) for job in itertools.islice(jobs, 4 * workers)}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_render, *job) for job in itertools.islice(jobs, len(finished))}
            try:
                yield from [future.result() for future in finished]
            except BrokenProcessPool as error:
                raise BookError(
                    "A process of the mock survey was killed, perhaps for want of memory. "
                    "Run the same command again: it continues from there."
                ) from error


@threadpoolctl.threadpool_limits.wrap(limits=1)  # the processes fill the cores; sums are the same everywhere
def _render(path: Path, done: Path, seed: int, start: int, block: dict[str, np.ndarray]) -> None:
    """Write one block of galaxies into the file, then its mark, which holds their signal-to-noise ratios."""
    n = block["redshift"].size
    flux = spectra.observed_spectra(block, block["aperture"])
    # One generator an object and instrument: nothing depends on which others are drawn.
    observed, sigma = spectrograph.expose(flux, block, [np.random.default_rng([seed, 4, i]) for i in block["index"]])
    snr = np.median(flux / sigma, axis=1)
    rows = _rows(path, start, n)
    for i in range(n):
        galaxy = {name: values[i] for name, values in block.items()}
        rng = np.random.default_rng([seed, 3, galaxy["index"]])
        image = images.draw_image(galaxy, rng)
        if galaxy["artefact"]:
            image = artefacts.ARTEFACTS[artefacts.NAMES[galaxy["artefact"]]](image, rng)
        data, row = rows[i]
        data["images"][row] = image
        data["spectra"][row] = observed[i]
        data["redshifts"][row] = galaxy["redshift"]
        data["targetids"][row] = galaxy["targetid"]
    temporary = done / f"{start}.tmp.npy"
    np.save(temporary, snr)
    temporary.rename(done / f"{start}.npy")


def _rows(path: Path, start: int, n: int) -> list[tuple[dict, int]]:
    with h5py.File(path, "r") as file:
        counts = [len(file[g]["targetids"]) for g in pairs.GROUPS]
    ends = np.cumsum(counts)
    data: dict[int, dict] = {}
    rows = []
    for index in range(start, start + n):
        group = int(np.searchsorted(ends, index, side="right"))
        if group not in data:
            data[group] = {
                name: pairs.open_rows(path, pairs.GROUPS[group], name)
                for name in ("images", "spectra", "redshifts", "targetids")
            }
        rows.append((data[group], index - int(ends[group]) + counts[group]))
    return rows


def _catalog(galaxies: dict[str, np.ndarray], snr: np.ndarray) -> dict[str, np.ndarray]:
    """Truth in PROVABGS and Legacy Survey names; magnitudes are those without Galactic dust, as in DESI's selection."""
    g = galaxies
    magnitude = {f"MAG_{band}": g["magnitudes"][:, i] for i, band in enumerate("GRZ")}
    fibre = {
        f"FIBERMAG_{band}": g["magnitudes"][:, i] - 2.5 * np.log10(g["fibre_fraction"][:, i])
        for i, band in enumerate("GRZ")
    }
    camera = {
        "MW_TRANSMISSION": g["galactic_transmission"],
        "PSFSIZE": FWHM * g["psf_sigma"],
        "SKY_NOISE": g["sky_noise"],
    }
    return {
        "TARGETID": g["targetid"],
        "Z": g["redshift"],
        "LOG_MSTAR": g["log_mstar"],
        "LOG_SFR": g["log_sfr"],
        "LOG_SSFR": g["log_sfr"] - g["log_mstar"],
        "AVG_SFR": 10 ** g["log_sfr"],
        "Z_MW": sed.SOLAR_METALLICITY * 10 ** g["log_z"],
        "TAGE_MW": g["age"],
        **magnitude,
        **fibre,
        "TARGET_CLASS": np.array(population.CLASSES, "S")[g["target"]],
        "MORPHOLOGY": np.array(structure.MORPHOLOGIES, "S")[g["morphology"]],
        "BULGE_TO_TOTAL": g["bulge_to_total"],
        "HALF_LIGHT_RADIUS": g["radius"],
        "AXIS_RATIO": g["axis_ratio"],
        "INCLINATION": g["inclination"],
        "SPIRAL": g["spiral"],
        "BAR": g["bar"],
        "RING": g["ring"],
        "MERGER": g["merger"],
        "QUIESCENT": g["quiescent"],
        "IONISATION": np.array(lines.KINDS, "S")[g["ionisation"]],
        "VDISP": g["stellar_dispersion"],
        "PITCH": np.where(g["spiral"], np.degrees(np.abs(g["pitch"])), np.nan),
        "ARTEFACT": np.array(artefacts.NAMES, "S")[g["artefact"]],
        "SNR_SPEC": snr,
        "N_NEIGHBOURS": g["n_neighbours"],
        "EBV": g["ebv"],
        **{f"{name}_{band}": values[:, i] for i, band in enumerate("GRZ") for name, values in camera.items()},
    }


def _counts(galaxies: dict[str, np.ndarray], snr: np.ndarray) -> dict:
    return {
        "n_galaxies": int(galaxies["redshift"].size),
        "artefacts": int((galaxies["artefact"] > 0).sum()),
        "median_redshift": float(np.median(galaxies["redshift"])),
        "median_snr": float(np.median(snr)),
    }
