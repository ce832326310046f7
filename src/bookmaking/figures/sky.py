"""The survey beside the sky: what stored statistics and real spectra say of it."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.style import FAINT, GROUPS, LABELS, MODALITY, WIDTH, drawing, legend_of, name_rows
from real_sky.sky import COLOUR_EDGES, MASS_EDGES, REDSHIFT_EDGES, STATISTICS, WINDOWS, binned, binned_percentiles

OURS, SKY = {"color": "#4477AA", "marker": "o"}, {"color": "black", "marker": "s"}
# Labels of the axes, and the bins in which the run's medians are taken.
RELATIONS = {
    "log_radius_of_mass": ((LABELS["log_mstar"], r"$\log_{10}$ half-light radius (kpc)"), MASS_EDGES),
    "mass_to_light_of_colour": (("$g - r$ (mag), $z < 0.1$", r"$\log_{10} M_\ast / L_r$ (solar)"), COLOUR_EDGES),
    "log_sfr_of_mass": ((LABELS["log_mstar"], r"$\log_{10}$ SFR ($M_\odot$ yr$^{-1}$)"), MASS_EDGES),
}
METHODS = {"neighbours": "spectrum, neighbours", "template": "spectrum, template fit", "image": "image, neighbours"}
FORMING = -11  # log10 of stars formed a year per mass in stars, between the two sequences


@drawing
def redshifts_beside(redshift: np.ndarray, percentiles: list[float]):
    """Redshifts (n,) as a histogram beside a distribution given by its 101 percentiles, and both added up."""
    figure, (density, total) = plt.subplots(1, 2, figsize=(WIDTH, 2.7))
    bins, shares = np.linspace(0, 0.8, 41), np.linspace(0, 1, len(percentiles))
    real = np.diff(np.interp(bins, percentiles, shares)) / np.diff(bins)
    density.hist(redshift, bins, density=True, color=OURS["color"], alpha=0.6, label="this run")
    density.stairs(real, bins, color="black", lw=1.3, label="AstroCLIP release")
    density.legend()
    total.ecdf(redshift[(redshift > 0) & (redshift < 0.8)], color=OURS["color"])
    total.plot(percentiles, shares, color="black", ls="--")
    density.set(xlabel=LABELS["redshift"], ylabel="density")
    total.set(xlabel=LABELS["redshift"], ylabel="share below", xlim=(0, 0.8))
    return figure


@drawing
def colours_beside(magnitudes: np.ndarray, redshift: np.ndarray, ours: dict[str, dict], sky: dict[str, dict]):
    """Colours against magnitude in bins of redshift, of galaxies by g, r, z (n, 3), with `colour_percentiles` of them and of the sky."""

    def in_range(bins: dict[str, dict], near: float, name: str, beside: float) -> list[dict]:
        """Percentiles of a colour in the bins of magnitude from a redshift on, a little beside their centres."""
        shown = [one for key, one in bins.items() if key.startswith(f"z{100 * near:02.0f}_")]
        return [{"centre": one["r"] + beside, "percentiles": one[name]} for one in shown]

    ranges = list(itertools.pairwise(REDSHIFT_EDGES))
    figure, axes = plt.subplots(2, len(ranges), figsize=(WIDTH, 4.4), sharex=True, sharey="row")
    for row, name, colour in zip(axes, ("g_r", "r_z"), -np.diff(magnitudes, axis=1).T, strict=True):
        for axis, (near, far) in zip(row, ranges, strict=True):
            inside = (redshift >= near) & (redshift < far)
            _cloud(axis, magnitudes[inside, 1], colour[inside])
            _medians(axis, in_range(ours, near, name, -0.08), "this run", ls="", **OURS)
            _medians(axis, in_range(sky, near, name, 0.08), "GAMA", ls="", **SKY)
            axis.set(xlim=(15.8, 19.7))
        levels = [value for one in sky.values() for value in one[name]]
        row[0].set(ylabel=f"${name.replace('_', ' - ')}$ (mag)", ylim=(min(levels) - 0.3, max(levels) + 0.3))
    for axis, (near, far) in zip(axes[0], ranges, strict=True):
        axis.set_title(f"${near:g} < z < {far:g}$", fontsize=8)
    for axis in axes[1]:
        axis.set_xlabel("$r$ (AB mag)")
    axes[0, 0].legend(loc="upper left")
    return figure


@drawing
def scaling_relations(relations: dict[str, tuple[np.ndarray, np.ndarray]], nearby: dict):
    """Properties (n,) against each other, by the names of `RELATIONS`, beside percentiles of nearby galaxies by the same names."""
    figure, axes = plt.subplots(1, len(relations), figsize=(WIDTH, 2.9), squeeze=False)
    for axis, (name, (x, y)) in zip(axes[0], relations.items(), strict=True):
        (xlabel, ylabel), edges = RELATIONS[name]
        axis.set(xlabel=xlabel, ylabel=ylabel)
        there = np.isfinite(x) & np.isfinite(y)
        if not there.any():  # as in a sample without near galaxies
            axis.text(0.5, 0.5, "no galaxy of this run", ha="center", transform=axis.transAxes)
            continue
        x, y = x[there], y[there]
        _cloud(axis, x, y)
        # A median of two sequences would lie on neither: star formation is that of galaxies that form stars.
        counted = y - x > FORMING if name == "log_sfr_of_mass" else np.full(len(y), True)
        _medians(axis, binned_percentiles(x[counted], y[counted], edges), "this run", **OURS)
        _medians(axis, nearby.get(name, []), "RESOLVE", **SKY)
        if name == "log_sfr_of_mass":
            mass = np.array([8.5, 11.2])
            sequence = 0.76 * mass - 7.64  # Renzini & Peng (2015), eq. 1
            axis.plot(mass, sequence, color="black", ls="--", label="main sequence")
        every = np.append(y, [one["percentiles"][::2] for one in nearby.get(name, [])])
        axis.set_xlim(np.percentile(x, [0.2, 99.8]))
        axis.set_ylim(np.percentile(every, [0.3, 99.7]) + [-0.05, 0.25])  # room for the legend
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper left", fontsize=6.5)
    return figure


@drawing
def signal_to_noise(magnitude: np.ndarray, snr: np.ndarray, sky: dict):
    """Median signal-to-noise ratio (n,) of a spectrum's pixels against the r magnitude (n,) of the light in its fibre."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    log = np.log10(np.clip(snr, 1e-3, None))
    _cloud(axis, magnitude, log)
    _medians(axis, binned_percentiles(magnitude, log, tuple(np.arange(16, 23.5, 0.5))), "this run", **OURS)
    axis.plot(sky["r"], np.log10(sky["snr"]), "s", color="black", ms=4, label="seven DESI spectra")
    axis.set(xlabel="$r$ in the fibre (AB mag)", ylabel=r"$\log_{10}$ S/N per pixel", ylim=(-1.3, None))
    axis.legend()
    return figure


@drawing
def spread_beside(spread: np.ndarray, real: np.ndarray):
    """Standard deviation of pixels over z-scored spectra, (7781,) ours and (251,) the release's, and their ratio."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH, 3.8), sharex=True, height_ratios=(2, 1))
    ours, wavelength = binned(spread), binned(WAVELENGTH)
    above.plot(wavelength, ours, color=OURS["color"], label="this run")
    above.plot(wavelength, real, color="black", lw=1, label="AstroCLIP release")
    above.set(ylabel="standard deviation", yscale="log")
    above.set_yticks([0.3, 0.5, 1, 2, 5], ["0.3", "0.5", "1", "2", "5"])
    above.minorticks_off()
    above.legend()
    below.axhspan(0.7, 1.3, color=FAINT, alpha=0.3, lw=0)
    below.plot(wavelength, ours / real, color=OURS["color"])
    below.axhline(1, color="black", lw=0.6)
    below.set(xlabel="observed wavelength (Å)", ylabel="ratio", xlim=WAVELENGTH[[0, -1]])
    return figure


@drawing
def texture_differences(difference: np.ndarray):
    """What tells real spectra from ours: mean difference of each statistic (72,), in units of our scatter."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.4))
    windows = WAVELENGTH[: len(WAVELENGTH) // WINDOWS * WINDOWS].reshape(WINDOWS, -1)
    table = pd.DataFrame(difference.reshape(-1, WINDOWS), list(STATISTICS), windows.mean(axis=1).astype(int))
    bar = {"label": "real − ours (our σ)", "extend": "both"}
    sns.heatmap(table, vmin=-2, vmax=2, cmap="RdBu_r", cbar_kws=bar, ax=axis)
    axis.set_xlabel("centre of the window (Å)")
    return figure


@drawing
def redshifts_by_method(rows: pd.DataFrame, limit: float, titles: dict[str, str] = METHODS):
    """True redshifts ``z`` against those of each column of ``titles``, a panel each, with a symbol for each ``survey``."""
    titles = {name: title for name, title in titles.items() if rows[name].notna().any()}
    figure, axes = plt.subplots(1, len(titles), figsize=(WIDTH, WIDTH / len(titles) + 0.7), sharex=True, sharey=True)
    window = np.array([0, 1.06 * rows[["z", *titles]].max(axis=None)])
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        for (survey, one), marker, colour in zip(rows.groupby("survey", sort=False), "osD^v", GROUPS, strict=False):
            if one[name].notna().any():
                axis.scatter(one["z"], one[name], s=20, marker=marker, color=colour, alpha=0.8, lw=0, label=survey)
        for slope, style in ((-limit, ":"), (0, "--"), (limit, ":")):
            axis.plot(window, window + slope * (1 + window), color="black", lw=0.8, ls=style)
        axis.set(title=title, xlabel=f"true {LABELS['redshift']}", xlim=window, ylim=window, aspect="equal")
    axes[0].set_ylabel(f"measured {LABELS['redshift']}")
    legend_of(figure, axes)
    return figure


def _cloud(axis, x: np.ndarray, y: np.ndarray) -> None:
    alpha = float(np.clip(1500 / len(x), 0.12, 0.6))
    axis.scatter(x, y, s=2, lw=0, alpha=alpha, color=FAINT, rasterized=True)


def _medians(axis, bins: list[dict], label: str, **style) -> None:
    """Medians with bars from the lower to the upper percentile."""
    if bins:
        low, middle, high = np.array([one["percentiles"] for one in bins]).T
        bars, look = [middle - low, high - middle], {"lw": 1.2, "ms": 4.5, "mec": "white", "capsize": 2}
        axis.errorbar([one["centre"] for one in bins], middle, bars, label=label, **look, **style)


@drawing
def under_nuisances(scores: dict[str, dict]):
    """Outliers by modality and nuisance, before alignment (open) and after it (filled), weak (small) and strong (large)."""
    sizes = {"weak": 3.5, "strong": 6.5}
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for axis, (modality, found) in zip(axes, scores.items(), strict=True):
        colour, names = MODALITY[modality], [name for name in found if name != "clean"]
        for space, fill in (("frozen", "white"), ("aligned", colour)):
            axis.axvline(found["clean"][space]["outliers"], color=colour, lw=0.8, ls="-" if space == "aligned" else ":")
            rows = np.arange(len(names)) + (0.15 if space == "aligned" else -0.15)
            for strength, size in sizes.items():
                values = [found[name][strength][space]["outliers"] for name in names]
                label = f"{space}, {strength}"
                axis.plot(values, rows, "o", ms=size, mfc=fill, color=colour, label=label)
        name_rows(axis, [name.replace("_", " ") for name in names])
        axis.set(title=modality, xlabel=r"share beyond $0.05\,(1+z)$")
        axis.set_xlim(0, 1.04 * axis.get_xlim()[1])  # a large dot at the edge stays whole
        axis.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes[0].legend(loc="lower left")
    return figure
