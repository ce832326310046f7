"""What redshift does to starlight: template spectra behind the filters, and the colours that follow."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patheffects import withStroke
from speclite.filters import load_filter

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.style import BAND, FAINT, LABELS, WIDTH, drawing
from mock_survey.galaxies.population import legacy_seed
from mock_survey.galaxies.sed import BANDS, dirichlet, photometry, redden_to
from mock_survey.spectra.light import rest_templates

# Rest-frame SDSS g - r of the red sequence and the blue cloud (Baldry et al. 2004), and whether the mixture is a blue one.
KINDS = {"old stars": (0.76, False, "#C0392B"), "young stars": (0.42, True, "#2E6FBA")}
REDSHIFTS = np.linspace(0.02, 0.6, 59)
MARKED = (0.1, 0.3, 0.5)
MOST = 2000  # galaxies shown: more would hide the curves
HALO = [withStroke(linewidth=2.5, foreground="white")]  # around what lies on dots


def mixture(colour: float, blue: bool) -> np.ndarray:
    """Templates (1, 5) in the shares that red or blue galaxies of the mock have on average, moved to a rest-frame g - r."""
    with legacy_seed(0):
        average = dirichlet(np.full(500, 0.2), blue).mean(axis=0, keepdims=True)
    return redden_to(np.array([colour]), average)


@drawing
def behind_filters(redshifts: tuple[float, ...] = (0.05, 0.25, 0.45)):
    """An old and a young population at rest-frame flux, moved to each redshift, behind the filters g, r and z.

    Spectra are scaled to the same mean over the range of DESI; the shaded bands are the filters' responses.
    """
    figure, axes = plt.subplots(len(redshifts), 1, figsize=(WIDTH, 1.6 * len(redshifts) + 0.5), sharex=True)
    rest, templates = rest_templates()
    for axis, redshift in zip(axes, redshifts, strict=True):
        for name, band in zip(BAND, BANDS, strict=True):
            response = load_filter(band)
            axis.fill_between(
                response.wavelength,
                2.2 * response.response / response.response.max(),
                color=BAND[name],
                alpha=0.12,
                lw=0,
            )
        for kind, (colour, blue, shade) in KINDS.items():
            flux = np.interp(WAVELENGTH, rest * (1 + redshift), (mixture(colour, blue) @ templates)[0])
            axis.plot(WAVELENGTH, flux / flux.mean(), color=shade, lw=0.9, label=kind)
        axis.axvline(4000 * (1 + redshift), color="#444444", lw=0.8, ls="--")
        axis.set(xlim=WAVELENGTH[[0, -1]], ylim=(0, 2.4), yticks=[0, 1, 2])
        axis.set_title(f"$z = {redshift:g}$", loc="right", fontsize=8, pad=2)
    for name, middle in zip(BAND, (4750, 6400, 9200), strict=True):
        axes[0].text(middle, 2.25, f"${name}$", ha="center", va="top", color=BAND[name])
    axes[-1].legend(loc="upper right", ncols=2)
    axes[-1].set_xlabel("observed wavelength (Å)")
    figure.supylabel("flux density, scaled", fontsize=9)
    return figure


@drawing
def colour_tracks(catalog: dict[str, np.ndarray], redshift: np.ndarray):
    """Colours against redshift, and against each other, of the same two populations over the galaxies of a survey.

    Parameters
    ----------
    catalog : dict of (n,) arrays
        ``MAG_G``, ``MAG_R``, ``MAG_Z`` (AB, free of Galactic dust); galaxies are left out where it has none.
    redshift : (n,) array
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7))
    some = np.unique(np.linspace(0, len(redshift) - 1, min(len(redshift), MOST)).astype(int))
    g, r, z = (catalog.get(f"MAG_{band}", np.full(len(redshift), np.nan))[some] for band in "GRZ")
    redshift = redshift[some]
    dots = {"s": 2, "alpha": 0.35, "lw": 0, "rasterized": True}
    axes[0].scatter(redshift, g - r, color=FAINT, **dots)
    axes[1].scatter(redshift, r - z, color=FAINT, **dots)
    shades = axes[2].scatter(r - z, g - r, c=redshift, **dots)
    for kind, (colour, blue, shade) in KINDS.items():
        magnitudes = photometry(np.repeat(mixture(colour, blue), len(REDSHIFTS), axis=0), REDSHIFTS)
        first, second = -np.diff(magnitudes, axis=1).T
        axes[0].plot(REDSHIFTS, first, color=shade, label=kind)
        axes[1].plot(REDSHIFTS, second, color=shade)
        axes[2].plot(second, first, color=shade, path_effects=HALO)
        for marked in MARKED:
            point = [np.interp(marked, REDSHIFTS, values) for values in (second, first)]
            axes[2].plot(*point, "o", ms=3.5, color=shade)
            axes[2].annotate(
                f"{marked:g}",
                point,
                xytext=(-18, 3) if blue else (4, -8),
                textcoords="offset points",
                fontsize=6.5,
                color=shade,
                path_effects=HALO,
            )
    axes[0].set(xlabel=LABELS["redshift"], ylabel="$g - r$ (mag)", xlim=(0, 0.6), ylim=(0, 2))
    axes[1].set(xlabel=LABELS["redshift"], ylabel="$r - z$ (mag)", xlim=(0, 0.6), ylim=(-0.1, 1.5))
    axes[2].set(xlabel="$r - z$ (mag)", ylabel="$g - r$ (mag)", xlim=(-0.1, 1.5), ylim=(0, 2))
    axes[0].legend(loc="lower right")
    figure.colorbar(shades, ax=axes[2], label=LABELS["redshift"]).solids.set_alpha(1)
    return figure
