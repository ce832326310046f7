"""Prints what ``src/mock_survey/spectra/`` takes from real galaxies: ``python datasets/fit_spectra.py <directory>``.

The directory has ``mock_targets/desi_dr1_cosmos.parquet``, lines and signal-to-noise ratios of DESI DR1 targets in COSMOS by
FastSpecFit, through CMU-MMA/desi-alert-augmentation-pipeline, and ``fits/coadd-25-fibres.fits``, 25 fibres of DESI through
desihub/QuasarNP, six of which are blank.
"""

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from pyarrow import parquet
from scipy.ndimage import median_filter
from scipy.optimize import nnls
from sklearn.linear_model import HuberRegressor, LogisticRegression

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.spectra import light, spectrograph
from mock_survey.spectra.lines import calzetti

FAINTEST = 22.2  # AB magnitude of the starlight at H-alpha: fainter than that is no target for its continuum
HUBBLE = -2 * np.log10(0.7)  # masses of FastSpecFit are for H0 = 100 km/s/Mpc
LINES = {"HALPHA": "Ha", "HBETA": "Hb", "OIII_5007": "O3", "OII_3726": "O2", "NII_6584": "N2", "SII_6716": "S2"}
BOOTSTRAPS = 200
ARMS = {"B": WAVELENGTH < 5800, "R": (WAVELENGTH > 5760) & (WAVELENGTH < 7620), "Z": WAVELENGTH > 7520}
BLANK = [0, 2, 10, 14, 17, 18]


def galaxies(directory: Path) -> dict[str, np.ndarray]:
    """Galaxies with H-alpha in sight: redshift, log mass, and flux, continuum, width and their errors of each line."""
    table = parquet.read_table(directory / "mock_targets" / "desi_dr1_cosmos.parquet")
    column = {name: table[name].to_numpy() for name in table.column_names}
    level = np.maximum(column["HALPHA_CONT"], 1e-4)
    magnitude = -2.5 * np.log10(level * 1e-17 * 6565**2 * (1 + column["Z"]) ** 2 / 2.998e18) - 48.6
    good = (column["ZWARN"] == 0) & (column["SPECTYPE"] == "GALAXY") & (column["Z"] > 0.02) & (column["Z"] < 0.48)
    good &= magnitude < FAINTEST
    one = {"z": column["Z"], "mass": column["LOGMSTAR"] + HUBBLE, "bright": column["PROGRAM"] == "bright"}
    one |= {"sv3": column["SURVEY"] == "sv3"} | {f"snr_{arm}": column[f"SNR_{arm}"] for arm in ARMS}
    for name, short in LINES.items():
        one |= {f"{kind}_{short}": column[f"{name}_{kind.upper()}"] for kind in ("flux", "cont", "ew", "sigma")}
        for kind in ("flux", "cont"):
            one[f"{kind}_error_{short}"] = np.maximum(column[f"{name}_{kind.upper()}_IVAR"], 1e-9) ** -0.5
    return {name: values[good].astype(float) for name, values in one.items()}


def report(name: str, x: list[np.ndarray], y: np.ndarray, noise: float = 0.0) -> None:
    """Robust fit of y to 1 and the columns of x, with errors by bootstrap and the scatter beyond the measurements' ``noise``."""
    x, rng, fits = np.column_stack([np.zeros(len(y)), *x]), np.random.default_rng(0), []
    for k in range(BOOTSTRAPS + 1):
        rows = rng.integers(len(y), size=len(y)) if k else np.arange(len(y))
        model = HuberRegressor(alpha=0.0, max_iter=1000).fit(x[rows], y[rows])
        fits.append([model.intercept_, *model.coef_[1:]])
        if not k:
            scatter = 1.4826 * np.median(np.abs(y - model.predict(x)))
    values = ", ".join(f"{a:.3f} ± {e:.3f}" for a, e in zip(fits[0], np.std(fits[1:], axis=0), strict=True))
    print(f"{name}: n {len(y)}; {values}; scatter {np.sqrt(max(scatter**2 - noise**2, 0)):.3f}")


def report_noise(g: dict[str, np.ndarray]) -> None:
    """Noise at 7000 angstrom that gives FastSpecFit's S/N in each arm, were it shaped as in the mock's dark time."""
    rest, templates = light.rest_templates()
    places = {"O2": 3728, "Hb": 4863, "O3": 5008, "Ha": 6565, "S2": 6718}
    matrix = np.array([templates[:, np.abs(rest - place) < 60].mean(axis=1) for place in places.values()])
    between = spectrograph.smooth_shape()
    level = []
    for i in range(len(g["z"])):
        continuum = np.array([g[f"cont_{name}"][i] for name in places])
        error = np.array([g[f"cont_error_{name}"][i] for name in places]) + 0.02 * np.abs(continuum)
        mixture = nnls(matrix / error[:, None], continuum / error)[0]
        flux = np.interp(WAVELENGTH / (1 + g["z"][i]), rest, mixture @ templates)
        shape = between * np.sqrt(1 + spectrograph.sky_lines() + flux / spectrograph.SKY_FLUX)
        level.append([np.median((flux / shape)[arm]) / max(g[f"snr_{name}"][i], 0.15) for name, arm in ARMS.items()])
    blue, level, red = np.array(level).T
    good, bright = np.isfinite(blue * level * red) & (g["snr_B"] > 0.15) & (level > 0), g["bright"] > 0
    for name, rows in {"bright": bright, "bright of SV3": bright & (g["sv3"] > 0), "dark and other": ~bright}.items():
        rows = rows & good
        values = (np.percentile(x[rows], [16, 50, 84]).round(2) for x in (level, blue / level, red / level))
        print(f"noise in r, of b and z in it, {name}: n {rows.sum()};", *values)


def report_blank(directory: Path) -> None:
    """What blank fibres show beyond the noise: smooth errors of the sky, and those of its lines."""
    between, excess = spectrograph.smooth_shape(), spectrograph.sky_lines()
    with fits.open(directory / "fits" / "coadd-25-fibres.fits") as file:
        for arm in ARMS:
            wavelength = file[f"{arm}_WAVELENGTH"].data.astype(float)
            flux, weight = (file[f"{arm}_{name}"].data[BLANK].astype(float) for name in ("FLUX", "IVAR"))
            shape = np.interp(wavelength, WAVELENGTH, spectrograph.background_shape())
            amplitude = (flux * weight * shape).sum(axis=1) / (weight * shape**2).sum(axis=1)
            sharp = flux - np.array([median_filter(one, 51) for one in flux])
            pattern = np.interp(wavelength, WAVELENGTH, between * np.sqrt(excess))
            chi, lines = sharp * np.sqrt(weight), pattern > 0.5
            base = np.mean(
                chi[:, pattern < 0.05] ** 2
            )  # the inverse variances are not perfect between the lines either
            beyond = np.sum((sharp**2 - base / np.maximum(weight, 1e-9))[:, lines] * (weight[:, lines] > 0)) / 6
            neighbours = np.mean(chi[:, 1:] * chi[:, :-1]) / np.mean(chi**2)
            print(
                f"{arm}: smooth error {amplitude.round(4)}; on lines {np.sqrt(max(beyond, 0) / np.sum(pattern[lines] ** 2)):.3f}; "
                f"chi {np.sqrt(base):.2f}, correlation of neighbours {neighbours:.2f}, beyond 5 sigma {np.mean(np.abs(chi) > 5):.5f}"
            )


def main(directory: Path) -> None:
    report_blank(directory)
    g = galaxies(directory)
    report_noise(g)
    colour = -2.5 * np.log10(np.maximum(g["cont_O2"], 1e-4) / g["cont_Ha"])
    error = 1.086 * np.hypot(g["cont_error_O2"] / g["cont_O2"], g["cont_error_Ha"] / g["cont_Ha"])
    seen, forming, rng = np.abs(error) < 0.25, g["ew_Ha"] > 3, np.random.default_rng(0)
    odds = []
    for k in range(BOOTSTRAPS + 1):
        rows = rng.choice(np.flatnonzero(seen), seen.sum()) if k else np.flatnonzero(seen)
        model = LogisticRegression(C=1e6).fit(colour[rows, None] - 0.7, forming[rows])
        odds.append([model.intercept_[0], model.coef_[0, 0]])
    print(
        f"log odds of forming stars by colour - 0.7: n {seen.sum()}; {np.round(odds[0], 2)} ± {np.std(odds[1:], axis=0).round(2)}"
    )

    def ratio(a, b, rows):
        log = np.log10(np.maximum(g[f"flux_{a}"], 1e-3) / np.maximum(g[f"flux_{b}"], 1e-3))[rows]
        relative = np.hypot(*(g[f"flux_error_{x}"] / np.maximum(g[f"flux_{x}"], 1e-3) for x in (a, b)))[rows]
        return log, np.median(relative) / np.log(10)

    clear = forming & (g["flux_Ha"] > 8 * g["flux_error_Ha"])
    nitrogen, oxygen = ratio("N2", "Ha", slice(None))[0], ratio("O3", "Hb", slice(None))[0]
    # Not above the lines of Kewley et al. (2001), for all that is no active nucleus, and of Kauffmann et al. (2003).
    quiet = clear & (nitrogen < 0.3) & (oxygen < 0.61 / (np.minimum(nitrogen, 0.3) - 0.47) + 1.19)
    stars = clear & (nitrogen < 0) & (oxygen < 0.61 / (np.minimum(nitrogen, -0.01) - 0.05) + 1.3)
    both = quiet & seen
    report("log EW of H-alpha by colour - 0.4", [colour[both] - 0.4], np.log10(g["ew_Ha"][both]))
    report("the same, by mass - 10.5 too", [colour[both] - 0.4, g["mass"][both] - 10.5], np.log10(g["ew_Ha"][both]))
    mass = g["mass"][stars] - 10.5
    report("log [N II]/H-alpha by mass - 10.5 and its square", [mass, mass**2], *ratio("N2", "Ha", stars))
    log, noise = ratio("O3", "Hb", stars)
    report("log [O III]/H-beta by log [N II]/H-alpha + 0.4", [nitrogen[stars] + 0.4], log, noise)
    log, noise = ratio("S2", "Ha", stars)
    report("log [S II] (both)/H-alpha", [], log - np.log10(0.57), noise)
    log, noise = ratio("Ha", "Hb", stars)
    curve = calzetti(np.array([3728.5, 4862.7, 6564.6]))
    reddening = (log - np.log10(2.86)) / (0.4 * (curve[1] - curve[2]))
    x = np.clip(g["mass"][stars], 8.5, 11.5) - 10
    expected = (0.91 + 0.77 * x + 0.11 * x**2 - 0.09 * x**3) / curve[2]
    report(
        "E(B-V) of the gas less that of Garn & Best", [], reddening - expected, noise / (0.4 * (curve[1] - curve[2]))
    )
    log, noise = ratio("O2", "Hb", stars)
    behind = 0.4 * np.maximum(reddening, 0) * (curve[0] - curve[1])
    report("log [O II] (both)/H-alpha before dust, by mass - 10.5", [mass], log - np.log10(0.42 * 2.86) + behind, noise)
    report("log width of H-alpha (km/s) by mass - 10.5", [mass], np.log10(np.maximum(g["sigma_Ha"][stars], 10)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
