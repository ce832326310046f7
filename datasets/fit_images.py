"""Prints the constants of the mock survey's images: ``python datasets/fit_images.py <directory>``.

The directory has ``desitarget_dr9_gmm`` (desitarget, BSD-3: mixtures of Gaussians that DR9 photometry of DESI targets was
fitted with), ``ls_psf`` (star profiles of DECaLS coadds by R. Zhou, github.com/rongpu/desi-misc) and ``resolve_galaxies.csv``.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.optimize import least_squares, minimize

from astroclip_book.data.catalog import COSMOLOGY
from mock_survey import population, structure
from mock_survey.images import camera

SHAPES = ("dev", "exp", "ser")
QUANTILES = (0.16, 0.5, 0.84)
COLOURS = (-1, 0.65, 0.95, 3)  # edges of bins in g - r


def targets(directory: Path, kind: str, n: int = 200_000) -> dict[str, np.ndarray]:
    """Extended targets ("bgs" or "lrg") drawn from the mixtures: ``mag`` (r or z), gr, rz, log ``reff``, ``ratio``, ``weight``.

    The radius lies along the major axis. The mixtures hold galaxies whose e1 and e2 are both positive, which is no matter for
    sizes. So did the counts of shapes in the files of shares, but for round ones ("REX"): of all there are four times as many.
    Round ones, an eighth of the bright targets, have no mixture and are left out.
    """
    rng, share = np.random.default_rng(0), fits.getdata(directory / f"fractype_{kind}.fits")
    edges, parts = np.append(share["MAG"] - 0.25, share["MAG"][-1] + 0.25), []
    for shape in SHAPES:
        with fits.open(directory / f"gmm_{kind}_{shape}.fits") as file:
            names = [file[0].header[f"COL{i:02d}"] for i in range(file[0].header["NCOL"])]
            weights, means, covariances = (file[name].data for name in ("WEIGHTS", "MEANS", "COVARS"))
        counts = rng.multinomial(n, weights / weights.sum())
        each = zip(means, covariances, counts, strict=True)
        drawn = np.concatenate([rng.multivariate_normal(*one) for one in each])
        part = dict(zip(names, drawn.T, strict=True)) | {"mag": drawn[:, 0]}
        row = np.digitize(part["mag"], edges) - 1
        ellipticity = np.hypot(part["e1"], part["e2"])
        good = (row >= 0) & (row < len(share)) & (ellipticity < 1)
        number = np.bincount(row[good], minlength=len(share))
        part |= {"ratio": (1 - ellipticity) / (1 + ellipticity), "row": row}
        part = {name: part[name][good] for name in ("mag", "gr", "rz", "reff", "ratio", "row")}
        parts.append(part | {"weight": (share[shape.upper()] / np.maximum(number, 1))[part["row"]]})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def cells(directory: Path, galaxies: dict[str, np.ndarray]) -> list[tuple]:
    """By magnitude and colour: `QUANTILES` of log ``reff`` and of ``ratio`` of real targets, rows of mock galaxies, a name."""
    g, r, z = galaxies["magnitudes"].T
    luminous = (g - r > 1.3) & (r - z > 0.7) & (z > 18)
    result = []
    for kind, mag, mock, edges, colours in (
        ("bgs", r, galaxies["target"] < 2, np.arange(15.5, 20.1, 0.5), COLOURS),
        ("lrg", z, luminous, np.arange(18, 20.1, 0.5), (-1, 3)),
    ):
        real = targets(directory, kind)
        for low, high in itertools.pairwise(edges):
            for blue, red in itertools.pairwise(colours):
                rows = np.flatnonzero(mock & (mag > low) & (mag < high) & (g - r > blue) & (g - r < red))
                inside = (real["mag"] > low) & (real["mag"] < high) & (real["gr"] > blue) & (real["gr"] < red)
                if rows.size > 60 and inside.any():
                    law = {"weights": real["weight"][inside], "method": "inverted_cdf"}
                    sizes, ratios = (np.quantile(real[name][inside], QUANTILES, **law) for name in ("reff", "ratio"))
                    result.append((sizes, ratios, rows, f"{kind} {low} {blue}"))
    return result


def nearby(path: Path) -> list[tuple[float, bool, float]]:
    """log of stellar mass, early or not, and median log of the major axis's half-light radius in kpc, of RESOLVE."""
    rows = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    rows = rows[(rows["r50"] > 0) & (rows["logmstar"] > 0) & (np.abs(rows["modelg_r"]) < 5)]
    mass, log = rows["logmstar"], np.log10(rows["r50"] / 206265 * rows["cz"] / 70 * 1e3)
    early, result = rows["modelg_r"] > 0.58 + 0.06 * (mass - 10), []
    for low in np.arange(8.5, 11.3, 0.5):
        for kind in (False, True):
            inside = (mass > low) & (mass < low + 0.5) & (early == kind)
            if inside.sum() > 15:
                result.append((low + 0.25, kind, np.median(log[inside])))
    return result


def fit_sizes(directory: Path) -> None:
    """Sizes for which a drawn survey has those of real targets of like magnitude and colour."""
    galaxies = population.draw_population(30_000, 0, 19.5)
    kpc = COSMOLOGY.kpc_proper_per_arcmin(galaxies["redshift"]).value / 60
    early = galaxies["morphology"] < 2
    compared, near = cells(directory / "desitarget_dr9_gmm", galaxies), nearby(directory / "resolve_galaxies.csv")
    near_mass, near_early, near_size = map(np.array, zip(*near, strict=True))

    def differences(laws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        structure.EARLY_SIZE, structure.LATE_SIZE = laws.reshape(2, 5)
        rng = np.random.default_rng(1)
        drawn = np.log10(structure.half_light_radius(galaxies["log_mstar"], galaxies["redshift"], early, rng) / kpc)
        far = [np.quantile(drawn[rows], QUANTILES) - sizes for sizes, _, rows, _ in compared]
        without_scatter = laws.reshape(2, 5) * [1, 1, 1, 1, 0]
        structure.EARLY_SIZE, structure.LATE_SIZE = without_scatter
        expected = structure.half_light_radius(near_mass, np.full(near_mass.size, 0.015), near_early, rng)
        return np.array(far), np.log10(expected) - near_size

    def loss(laws: np.ndarray) -> float:
        far, close = differences(laws)
        return np.square(far).mean() + 0.3 * np.square(close).mean()

    start = np.array([structure.EARLY_SIZE, structure.LATE_SIZE]).ravel()
    # Galaxies of given mass were never larger than today (van der Wel et al. 2014).
    bounds = [(None, 0.0) if i % 5 == 3 else (None, None) for i in range(10)]
    laws = minimize(loss, start, method="Nelder-Mead", bounds=bounds, options={"maxiter": 1500, "adaptive": True}).x
    far, close = differences(laws)
    print("EARLY_SIZE, LATE_SIZE", laws.reshape(2, 5).round(3).tolist())
    print("rms over cells of the", QUANTILES, "quantiles, dex:", np.sqrt(np.square(far).mean(axis=0)).round(3))
    for (sizes, _, rows, name), difference in zip(compared, far, strict=True):
        print(name, rows.size, sizes.round(2), difference.round(2))
    print("RESOLVE", near_mass, near_early, close.round(2))


def fit_halo(directory: Path) -> None:
    """Share of a star's light in a halo of scale `camera.HALO_SCALE`, beside a core of unknown width, by band."""

    def moffat(r: np.ndarray, scale: float, beta: float) -> np.ndarray:
        return (beta - 1) / (np.pi * scale**2) * (1 + (r / scale) ** 2) ** -beta

    for band in "grz":
        shares = []
        for region in ("ngc", "sgc"):
            table = np.genfromtxt(directory / f"average_profiles_south_decals_{region}_{band}.txt", names=True)
            # Stars of these magnitudes, and where in arcsec they are not saturated.
            stars = [(13.0, 3.4), (14.25, 2.6), (15.5, 1.7)]
            columns = [[table[f"{name}_{band}_{100 * mag:.0f}"] for name in ("radius", "flux")] for mag, _ in stars]

            def residuals(p: np.ndarray, columns=columns, stars=stars) -> np.ndarray:
                share, scale, *sky = p
                parts = []
                for (mag, least), (r, flux), level in zip(stars, columns, sky, strict=True):
                    profile = (1 - share) * moffat(r, scale, camera.MOFFAT_BETA) + share * moffat(
                        r, camera.HALO_SCALE, 1.5
                    )
                    error = np.hypot(0.1 * flux, 5e-4)
                    off = (10 ** (0.4 * (22.5 - mag)) * profile + level - flux) / error
                    parts.append(off[(r > least) & (r < 60)])
                return np.concatenate(parts)

            shares.append(least_squares(residuals, [0.05, 1.4, 0, 0, 0]).x[0])
        print("HALO_SHARE", band, np.round(shares, 3), "mean", np.mean(shares).round(3))


if __name__ == "__main__":
    fit_halo(Path(sys.argv[1]) / "ls_psf")
    fit_sizes(Path(sys.argv[1]))
