"""The survey beside the sky: what stored statistics and real spectra say of it."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator

from astroclip_book.data.pairs import WAVELENGTH, Pairs
from bookmaking.figures.galaxies import show_image
from bookmaking.figures.spectra import mark_lines, smooth
from bookmaking.figures.style import FAINT, LABELS, MODALITY, WIDTH, drawing
from real_sky.sky.stored import COLOUR_EDGES, FAILURE, MASS_EDGES, WITHIN, binned, binned_percentiles
from real_sky.sky.texture import STATISTICS, WINDOWS

OURS, SKY = "#4477AA", "black"
RUN_STYLE, SKY_STYLE = {"color": OURS, "marker": "o"}, {"color": SKY, "marker": "s"}
HOST_STYLE = {"color": MODALITY["cross"], "marker": "D"}
# Labels of the axes, and the bins in which the run's medians are taken.
RELATIONS = {
    "log_radius_of_mass": ((LABELS["log_mstar"], r"$\log_{10}$ half-light radius (kpc)"), MASS_EDGES),
    "mass_to_light_of_colour": (("$g - r$ (mag), $z < 0.1$", r"$\log_{10} M_\ast / L_r$ (solar)"), COLOUR_EDGES),
    "log_sfr_of_mass": ((LABELS["log_mstar"], r"$\log_{10}$ SFR ($M_\odot$ yr$^{-1}$)"), MASS_EDGES),
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FORMING = -11  # log10 of stars formed a year per mass in stars, between the two sequences
MAGNITUDE_BINS = tuple(np.arange(16, 23.5, 0.5).tolist())
LOWEST_SNR = -1.3  # log10 of the S/N shown


@drawing
def galleries(groups: dict[str, np.ndarray], columns: int = 6):
    """Colour images (n, h, w, 3) in rows, one stretch for all, each group under its own title."""
    rows = {title: -(-len(images) // columns) for title, images in groups.items()}
    count = sum(rows.values())
    height = count * WIDTH / columns + 0.3 * len(rows)
    figure, axes = plt.subplots(count, columns, figsize=(WIDTH, height), squeeze=False)
    places = iter(axes.flat)
    for title, images in groups.items():
        for number in range(rows[title] * columns):
            place = next(places)
            if number < len(images):
                show_image(place, images[number])
            else:
                place.remove()
            if number == 0:
                place.set_title(title, loc="left")
    return figure


@drawing
def redshifts_beside(redshift: np.ndarray, percentiles: list[float]):
    """Redshifts (n,) as a histogram beside a distribution given by its 101 percentiles, and both added up."""
    figure, (density, total) = plt.subplots(1, 2, figsize=(WIDTH, 2.7))
    bins = np.linspace(0, 0.8, 41)
    share = np.interp(bins, percentiles, np.linspace(0, 1, len(percentiles)))
    inside = np.sort(redshift[(redshift > 0) & (redshift < bins[-1])])
    density.hist(inside, bins, density=True, color=OURS, alpha=0.6, label="this run")
    density.stairs(np.diff(share) / np.diff(bins), bins, color=SKY, lw=1.3, label="sky")
    density.set(xlabel=LABELS["redshift"], ylabel="density")
    density.legend()
    total.plot(inside, np.arange(1, len(inside) + 1) / len(inside), color=OURS)
    total.plot(percentiles, np.linspace(0, 1, len(percentiles)), color=SKY, ls="--")
    total.set(xlabel=LABELS["redshift"], ylabel="share below", xlim=(0, 0.8))
    return figure


@drawing
def colours_beside(magnitudes: np.ndarray, ours: list[dict], hosts: list[dict], sky: list[dict]):
    """Colours against magnitude: our galaxies, their percentiles in bins of r, as they are and weighted, and the sky's.

    Parameters
    ----------
    magnitudes : (n, 3) array
        g, r, z.
    ours, hosts, sky : list of dict
        As `real_sky.sky.stored.colour_percentiles` makes them, ``hosts`` with the weights of `real_sky.sky.hosts`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.1))
    r = magnitudes[:, 1]
    for axis, name, colour in zip(axes, ("g_r", "r_z"), -np.diff(magnitudes, axis=1).T, strict=True):
        _cloud(axis, r, colour)
        groups = {"this run": (ours, RUN_STYLE), "this run, weighted": (hosts, HOST_STYLE), "sky": (sky, SKY_STYLE)}
        for offset, (label, (bins, style)) in zip((-0.1, 0, 0.1), groups.items(), strict=True):
            rows = [{"centre": np.mean(one["r"]) + offset, "percentiles": one[name]} for one in bins]
            _medians(axis, rows, label, ls="", **style)
        every = [value for bins, _ in groups.values() for one in bins for value in one[name]]
        axis.set(xlabel="$r$ (AB mag)", ylabel=f"${name.replace('_', ' - ')}$ (mag)")
        axis.set(xlim=(15.5, 20), ylim=(min(every) - 0.35, max(every) + 0.35))
    axes[0].legend(loc="upper left")
    return figure


@drawing
def scaling_relations(relations: dict[str, tuple[np.ndarray, np.ndarray]], nearby: dict):
    """Size against mass, mass-to-light ratio against colour, star formation against mass: a panel for each given.

    Parameters
    ----------
    relations : dict of pairs of (n,) arrays
        From `real_sky.sky.distances.scaling_relations`.
    nearby : dict
        Percentiles of nearby galaxies by the same names, from `real_sky.sky.stored.reference`.
    """
    figure, axes = plt.subplots(1, len(relations), figsize=(WIDTH, 2.9), squeeze=False)
    for axis, (name, (x, y)) in zip(axes[0], relations.items(), strict=True):
        (label_x, label_y), edges = RELATIONS[name]
        _cloud(axis, x, y)
        # A median of two sequences would lie on neither: star formation is that of galaxies that form stars.
        counted = y - x > FORMING if name == "log_sfr_of_mass" else np.full(len(y), True)
        _medians(axis, binned_percentiles(x[counted], y[counted], edges), "this run", **RUN_STYLE)
        _medians(axis, nearby.get(name, []), "sky, nearby", **SKY_STYLE)
        if name == "log_sfr_of_mass":
            from mock_survey.galaxies.population import main_sequence  # loads SkyPy, which no other figure needs

            mass = np.array([8.5, 11.2])
            axis.plot(mass, main_sequence(mass, 0.05), color=SKY, ls="--", label="main sequence")
        every = np.append(y[np.isfinite(y)], [one["percentiles"][::2] for one in nearby.get(name, [])])
        axis.set(xlabel=label_x, ylabel=label_y, xlim=np.nanpercentile(x, [0.2, 99.8]))
        axis.set_ylim(np.percentile(every, [0.3, 99.7]) + [-0.05, 0.25])  # room for the legend
        axis.legend(loc="upper left", fontsize=6.5)
    return figure


@drawing
def signal_to_noise(magnitude: np.ndarray, snr: np.ndarray, sky: dict):
    """Median signal-to-noise ratio of a spectrum's pixels against the r magnitude of the light in its fibre."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    good = (snr > 10**LOWEST_SNR) & np.isfinite(magnitude)
    _cloud(axis, magnitude[good], np.log10(snr[good]))
    bins = binned_percentiles(magnitude, np.log10(np.clip(snr, 1e-3, None)), MAGNITUDE_BINS)
    _medians(axis, bins, "this run", **RUN_STYLE)
    axis.plot(sky["r"], np.log10(sky["snr"]), "s", color=SKY, ms=4, label="seven DESI spectra")
    axis.set(xlabel="$r$ in the fibre (AB mag)", ylabel=r"$\log_{10}$ S/N per pixel", ylim=(LOWEST_SNR, None))
    axis.legend()
    return figure


@drawing
def spread_beside(spread: np.ndarray, real: list[float]):
    """Standard deviation of pixels over z-scored spectra, (7781,) ours and (251,) the release's, and their ratio."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH, 3.8), sharex=True, height_ratios=(2, 1))
    ours, wavelength = binned(spread), binned(WAVELENGTH)
    above.plot(wavelength, ours, color=OURS, label="this run")
    above.plot(wavelength, real, color=SKY, lw=1, label="sky")
    above.set(ylabel="standard deviation", yscale="log")
    above.set_yticks([0.3, 0.5, 1, 2, 5], ["0.3", "0.5", "1", "2", "5"])
    above.yaxis.set_minor_locator(NullLocator())
    above.legend()
    below.axhspan(1 - WITHIN, 1 + WITHIN, color=FAINT, alpha=0.3, lw=0)
    below.plot(wavelength, ours / real, color=OURS)
    below.axhline(1, color=SKY, lw=0.6)
    below.set(xlabel="observed wavelength (Å)", ylabel="ratio", xlim=WAVELENGTH[[0, -1]])
    return figure


@drawing
def texture_differences(difference: np.ndarray):
    """What tells real spectra from ours: mean difference of each statistic (72,), in units of our scatter."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.4))
    size = len(WAVELENGTH) // WINDOWS
    centres = [f"{WAVELENGTH[size * i + size // 2]:.0f}" for i in range(WINDOWS)]
    table = difference.reshape(len(STATISTICS), WINDOWS)
    shown = axis.imshow(table, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axis.set(xticks=range(WINDOWS), xticklabels=centres, yticks=range(len(STATISTICS)), yticklabels=STATISTICS)
    axis.set_xlabel("centre of the window (Å)")
    figure.colorbar(shown, ax=axis, label="real − ours (our σ)", extend="both")
    return figure


@drawing
def transferred(found: dict[str, np.ndarray], worst: np.ndarray, flux: np.ndarray, pairs: Pairs):
    """Redshifts of real galaxies from mock neighbours, and the worst beside the mock spectra behind the answer.

    Parameters
    ----------
    found : dict of (m,) arrays
        ``row``, ``truth``, ``prediction``, ``nearest``, ``nearest_at_truth`` of `real_sky.sky.transfer.transfer`.
    worst : (b,) int array
        Which of the m to show, from `real_sky.sky.transfer.worst`.
    flux : (n, 7781) array
        The real spectra.
    pairs : Pairs
        The mock.
    """
    height = 1.7 * len(worst)
    figure = plt.figure(figsize=(WIDTH, 3.6 + height))
    top, bottom = figure.subfigures(2, 1, height_ratios=(3.6, height))
    _against_truth(top.subplots(), found)
    axes = bottom.subplots(len(worst), 1, sharex=True, squeeze=False)[:, 0]
    for axis, letter, i in zip(axes, LETTERS, worst, strict=False):
        truth = found["truth"][i]
        _curve(axis, flux[found["row"][i]], 0, SKY, f"{letter}: real, $z = {truth:.3f}$")
        rows = {"nearest mock": found["nearest"][i], "nearest at the true redshift": found["nearest_at_truth"][i]}
        for level, (name, row), colour in zip((-4, -8), rows.items(), (OURS, MODALITY["cross"]), strict=True):
            if row >= 0:
                _curve(axis, pairs.spectra([row])[0], level, colour, f"{name}, $z = {pairs.index.redshift[row]:.3f}$")
        axis.set(xlim=WAVELENGTH[[0, -1]], yticks=[])
        axis.set_title(f"predicted {found['prediction'][i]:.3f}", loc="right", fontsize=8, pad=2)
        mark_lines(axis, truth)
        axis.legend(loc="lower left", bbox_to_anchor=(0, 0.98), ncols=3, fontsize=6.5, borderpad=0)
    axes[-1].set_xlabel("observed wavelength (Å)")
    return figure


def _against_truth(axis, found: dict) -> None:
    """Prediction against truth; failures get letters, the worst first."""
    truth, prediction = found["truth"], found["prediction"]
    error = np.abs(prediction - truth) / (1 + truth)
    failed = error > FAILURE
    window = np.array([0.0, max(truth.max(), prediction.max()) * 1.06])
    reach = FAILURE * (1 + window)
    axis.fill_between(window, window - reach, window + reach, color=FAINT, alpha=0.25, lw=0)
    axis.plot(window, window, color=SKY, lw=0.8, ls="--")
    for which, marker, colour in ((~failed, "o", OURS), (failed, "X", MODALITY["spectrum"])):
        axis.scatter(truth[which], prediction[which], marker=marker, color=colour, s=28, lw=0)
    for number, i in enumerate(np.argsort(-error, kind="stable")[: failed.sum()]):
        side = (4, 3) if number % 2 else (-9, -8)  # so that letters of close points stand apart
        axis.annotate(LETTERS[number % 26], (truth[i], prediction[i]), side, textcoords="offset points", fontsize=7)
    name = LABELS["redshift"]
    axis.set(xlabel=f"true {name}", ylabel=f"predicted {name}", xlim=window, ylim=window, aspect="equal")


def _curve(axis, flux: np.ndarray, level: float, colour: str, label: str) -> None:
    """A smoothed spectrum, its middle at a level and its spread set to 2."""
    smoothed = smooth(flux)
    low, middle, high = np.percentile(smoothed[200:-200], [10, 50, 90])
    scaled = np.clip(2 * (smoothed - middle) / (high - low), -3, 4)
    axis.plot(WAVELENGTH, scaled + level, color=colour, lw=0.7, label=label)


def _cloud(axis, x: np.ndarray, y: np.ndarray) -> None:
    axis.scatter(x, y, s=2, lw=0, alpha=float(np.clip(1500 / max(len(x), 1), 0.12, 0.6)), color=OURS, rasterized=True)


def _medians(axis, bins: list[dict], label: str, **style) -> None:
    """Medians with bars from the lower to the upper percentile."""
    if bins:
        low, middle, high = np.array([one["percentiles"] for one in bins]).T
        centres = [one["centre"] for one in bins]
        bars = [middle - low, high - middle]
        axis.errorbar(centres, middle, bars, lw=1.2, ms=4.5, mec="white", capsize=2, label=label, **style)
