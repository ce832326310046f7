"""What redshift does to starlight: template spectra behind the filters, and the colours that follow."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patheffects import withStroke
from speclite.filters import load_filter

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.style import BAND, FAINT, LABELS, WIDTH, drawing, legend_of
from mock_survey.population import template_mix
from mock_survey.sed import BANDS, colour, photometry
from mock_survey.spectra.light import rest_templates

KINDS = {"average red galaxy": (True, "#C0392B"), "average blue galaxy": (False, "#2E6FBA")}
DIVIDE = 0.6  # rest-frame SDSS g - r between the red sequence and the blue cloud
REDSHIFTS = np.linspace(0.02, 0.6, 59)
MOST = 2000  # galaxies shown: more would hide the curves


def mixture(red: bool) -> np.ndarray:
    """Templates (1, 5) in the shares that red or blue galaxies of the mock have on average, a little brighter than the Milky Way."""
    drawn = template_mix(np.full(2000, 0.15), np.full(2000, -21.5), np.random.default_rng(0))
    kind = drawn[(colour(drawn) > DIVIDE) == red].mean(axis=0, keepdims=True)
    return kind / kind.sum()


@drawing
def behind_filters():
    """An average red and an average blue galaxy at three redshifts, scaled to the same mean, behind the filters g, r and z."""
    figure, axes = plt.subplots(3, 1, figsize=(WIDTH, 5.3), sharex=True)
    rest, templates = rest_templates()
    for axis, redshift in zip(axes, (0.05, 0.25, 0.45), strict=True):
        for shade, curve in zip(BAND.values(), map(load_filter, BANDS), strict=True):
            height = 2.2 * curve.response / curve.response.max()
            axis.fill_between(curve.wavelength, height, color=shade, alpha=0.12, lw=0)
        for kind, (red, shade) in KINDS.items():
            flux = np.interp(WAVELENGTH, rest * (1 + redshift), (mixture(red) @ templates)[0])
            axis.plot(WAVELENGTH, flux / flux.mean(), color=shade, lw=0.9, label=kind)
        axis.axvline(4000 * (1 + redshift), color="#444444", lw=0.8, ls="--")
        axis.set(xlim=WAVELENGTH[[0, -1]], ylim=(0, 2.4), yticks=[0, 1, 2])
        axis.set_title(f"$z = {redshift:g}$", loc="right", fontsize=8, pad=2)
    for (name, shade), middle in zip(BAND.items(), (4750, 6400, 9200), strict=True):
        axes[0].text(middle, 2.25, f"${name}$", ha="center", va="top", color=shade)
    axes[-1].legend(loc="upper right", ncols=2)
    axes[-1].set_xlabel("observed wavelength (Å)")
    figure.supylabel("flux density, scaled", fontsize=9)
    return figure


@drawing
def colour_tracks(catalog: dict[str, np.ndarray], redshift: np.ndarray):
    """Colours of the two populations against redshift and each other, over galaxies (n,) of a survey where it has magnitudes."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7))
    some = slice(None, None, -(-len(redshift) // MOST))
    z_some = redshift[some]
    g, r, z = (catalog.get(f"MAG_{band}", np.full(len(redshift), np.nan))[some] for band in "GRZ")
    panels = ((z_some, g - r), (z_some, r - z), (r - z, g - r))
    for axis, (x, y), colours in zip(axes, panels, (FAINT, FAINT, z_some), strict=True):
        shades = axis.scatter(x, y, c=colours, s=2, alpha=0.35, lw=0, rasterized=True)
    for kind, (red, shade) in KINDS.items():
        magnitudes = photometry(np.repeat(mixture(red), len(REDSHIFTS), axis=0), REDSHIFTS)
        g_r, r_z = -np.diff(magnitudes, axis=1).T
        style = {"color": shade, "path_effects": [withStroke(linewidth=2.5, foreground="white")]}  # it lies on dots
        axes[0].plot(REDSHIFTS, g_r, color=shade, label=kind)
        axes[1].plot(REDSHIFTS, r_z, color=shade)
        axes[2].plot(r_z, g_r, **style)
        for marked in (0.1, 0.3, 0.5):
            point = [np.interp(marked, REDSHIFTS, values) for values in (r_z, g_r)]
            axes[2].plot(*point, "o", ms=3.5, color=shade)
            beside = (-18, 3) if not red else (4, -8)
            axes[2].annotate(f"{marked:g}", point, beside, textcoords="offset points", fontsize=6.5, **style)
    axes[0].set(xlabel=LABELS["redshift"], ylabel="$g - r$ (mag)", xlim=(0, 0.6), ylim=(0, 2))
    axes[1].set(xlabel=LABELS["redshift"], ylabel="$r - z$ (mag)", xlim=(0, 0.6), ylim=(-0.1, 1.5))
    axes[2].set(xlabel="$r - z$ (mag)", ylabel="$g - r$ (mag)", xlim=(-0.1, 1.5), ylim=(0, 2))
    legend_of(figure, axes)
    figure.colorbar(shades, ax=axes[2], label=LABELS["redshift"]).solids.set_alpha(1)
    return figure
