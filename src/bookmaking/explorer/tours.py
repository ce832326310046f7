"""Tours of the map: galaxies worth a look, found by rules that hold for any run, and what to ask of them."""

from __future__ import annotations

import numpy as np

from astroclip_book.evaluate.photoz import errors
from bookmaking.figures.tables import number

STOPS = 12  # from blue to red


def tours(redshift: np.ndarray, catalog: dict, cosine: np.ndarray, told: dict, images: np.ndarray) -> list[dict]:
    """``title``, ``text``, ``map``, ``colour`` (a label of the page) and ``rows`` of each tour that the catalogue allows; the first row is selected.

    Of n galaxies: redshifts, catalogue columns, cosines of their image and spectrum, predicted redshifts by modality (all (n,)), and the
    neighbours (n, k) of their images.
    """
    plain = _plain(catalog, len(redshift))
    parts = [_artefact(catalog, images), _swapped(cosine, plain, told), _blue_to_red(redshift, catalog, plain)]
    return [*filter(None, parts), _worst(redshift, told)]


def opening(catalog: dict, n: int) -> int:
    """Which of n galaxies is selected at first: a bright one without a known artefact, the first where nothing is known."""
    magnitude = np.where(_plain(catalog, n), catalog.get("MAG_R", np.zeros(n)), np.inf)
    return int(np.argsort(magnitude, kind="stable")[n // 50 if "MAG_R" in catalog else 0])


def _plain(catalog: dict, n: int) -> np.ndarray:
    return catalog.get("ARTEFACT", np.full(n, "none")).astype(str) == "none"


def _artefact(catalog: dict, images: np.ndarray) -> dict | None:
    """The most frequent kind of artefact, beginning where most neighbours of the image have it too."""
    kinds = catalog.get("ARTEFACT", np.array([])).astype(str)
    names, counts = np.unique(kinds[~np.isin(kinds, ("none", ""))], return_counts=True)
    if not len(names):
        return None
    kind = names[counts.argmax()]
    rows = np.flatnonzero(kinds == kind)
    company = (kinds[images[rows]] == kind).sum(1)
    rows = rows[np.argsort(-company, kind="stable")]
    text = (
        f"{len(rows)} images have a {kind.replace('_', ' ')}. {company.max()} of the {images.shape[1]} images nearest to the first one have it too. "
        "Does the defect or the galaxy decide where an image lies? Switch to the map of spectra, which the defect does not touch."
    )
    return {"title": "An artefact’s halo", "text": text, "map": "image", "colour": "image artefact", "rows": rows}


def _swapped(cosine: np.ndarray, plain: np.ndarray, told: dict) -> dict:
    """Where image and spectrum agree least, and no artefact is the reason."""
    row = int(np.where(plain, cosine, np.inf).argmin())
    text = (
        f"Of all images without a known artefact, this one agrees least with its spectrum: their cosine is {number(cosine[row], '.2f')}. The image suggests "
        f"a redshift of {told['image'][row]:.2f}, the spectrum {told['spectrum'][row]:.2f}. Does the spectrum belong to another galaxy, "
        "or is one of the two poor?"
    )
    colour = "cosine of its image and spectrum"
    return {"title": "A pair that looks swapped", "text": text, "map": "joint", "colour": colour, "rows": [row]}


def _blue_to_red(redshift: np.ndarray, catalog: dict, plain: np.ndarray) -> dict | None:
    """The brightest galaxies in even steps of colour, of the middle third of redshifts."""
    unknown = np.full(len(redshift), np.nan)
    magnitude = np.asarray(catalog.get("MAG_R", unknown), float)
    colour = np.asarray(catalog.get("MAG_G", unknown), float) - magnitude
    low, high = np.quantile(redshift, (1 / 3, 2 / 3))
    rows = np.flatnonzero(np.isfinite(colour) & plain & (redshift >= low) & (redshift <= high))
    if len(rows) < 2 * STOPS:
        return None
    steps = np.array_split(rows[np.argsort(colour[rows], kind="stable")], STOPS)
    chosen = [step[np.argmin(magnitude[step])] for step in steps]
    text = (
        f"{STOPS} bright galaxies at redshifts from {low:.2f} to {high:.2f}, ordered by g − r from {colour[chosen[0]]:.2f} to {colour[chosen[-1]]:.2f}. "
        "Watch Hα and the break near Ca HK. Is the path across the map smooth?"
    )
    return {"title": "From blue to red", "text": text, "map": "joint", "colour": "log sSFR (1/yr)", "rows": chosen}


def _worst(redshift: np.ndarray, told: dict) -> dict:
    """The redshift that its image gets most wrong."""
    row = int(np.abs(errors(redshift, told["image"])).argmax())
    text = (
        f"The image suggests a redshift of {told['image'][row]:.2f}, and the true one is {redshift[row]:.2f}: no other image of this page errs more. "
        "What do the images that it finds have in common with it? Does p(z) admit the true redshift?"
    )
    return {"title": "The worst redshift", "text": text, "map": "image", "colour": "redshift", "rows": [row]}
