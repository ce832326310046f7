"""A reader's galaxies beside those of the run that are most like them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.search import show_galaxy
from bookmaking.figures.style import WIDTH, drawing
from bookmaking.figures.tables import number, table

ALARM = "#B2182B"


@drawing
def looked_up(pairs: Pairs, found: dict[str, np.ndarray], modality: str):
    """Objects, a row each, and the galaxies of the run most similar to them in the same modality.

    Parameters
    ----------
    pairs : Pairs
        Read from for the galaxies of the run.
    found : dict of arrays
        ``pixels`` of the n objects shown, ``known``, ``redshift``, ``low``, ``high``, ``unusual`` (m ≥ n,), ``row`` and
        ``cosine`` (m, k), as the step ``own_galaxies`` writes them.
    modality : str
        ``image`` or ``spectrum``.
    """
    n, k = len(found["pixels"]), found["row"].shape[1]
    figure, axes = plt.subplots(n, k + 1, figsize=(WIDTH, 1.55 * n), squeeze=False)
    read = pairs.images if modality == "image" else pairs.spectra
    for i, (own, *others) in enumerate(axes):
        _show(own, found["pixels"][i], found["known"][i], modality)
        low, high = (number(found[name][i], ".3f") for name in ("low", "high"))
        known = "" if np.isnan(found["known"][i]) else f", known {number(found['known'][i], '.3f')}"
        own.set_xlabel(f"$z$ {low} to {high}{known}", fontsize=6.5, labelpad=2)
        own.set_ylabel("unusual" if found["unusual"][i] else "", fontsize=8, color=ALARM)
        rows = found["row"][i]
        for axis, pixels, z, cosine in zip(
            others, read(rows), pairs.index.redshift[rows], found["cosine"][i], strict=True
        ):
            _show(axis, pixels, z, modality)
            axis.set_xlabel(f"$z = {z:.3f}$, cos {cosine:.2f}", fontsize=6.5, labelpad=2)
    axes[0, 0].set_title("object", fontsize=8)
    for rank, axis in enumerate(axes[0, 1:], start=1):
        axis.set_title(f"neighbour {rank}", fontsize=8)
    return figure


def _show(axis, pixels: np.ndarray, redshift: float, modality: str) -> None:
    show_galaxy(axis, pixels, pixels, redshift, modality)


def own_table(objects: list[dict]) -> Markdown:
    """What the run says of each object, and which tests call it unusual.

    Parameters
    ----------
    objects : list of dict
        ``own.objects`` of the metrics, of one modality.
    """
    rows = [
        [
            f"`{one['name']}`",
            *(number(one[name], ".3f") for name in ("known", "redshift")),
            f"{number(one['low'], '.3f')} to {number(one['high'], '.3f')}",
            f"{one['observed']:.1%}",
            ", ".join(one["unusual"]) or "–",
        ]
        for one in objects
    ]
    return table(["object", "known *z*", "predicted *z*", "68% interval", "observed", "unusual by"], rows)


def warnings_table(scores: dict) -> Markdown:
    """Shares that are called unusual: test galaxies, those of the second survey, and strangers of each kind.

    Parameters
    ----------
    scores : dict
        ``own`` of the metrics.
    """
    rows = []
    for modality in ("spectrum", "image"):
        sets = {"test galaxies": "test", "second survey": "second"}
        usual = {words: scores[name][modality]["unusual"] for words, name in sets.items()}
        rows += [[modality, kind, f"{share:.1%}"] for kind, share in (usual | scores["strangers"][modality]).items()]
    return table(["", "objects", "called unusual"], rows)


def grids_table(scores: dict) -> Markdown:
    """How good redshifts are by the grid that spectra came on.

    Parameters
    ----------
    scores : dict
        ``own.grid`` of the metrics.
    """
    rows = [[words, one["nmad"], f"{one['outliers_005']:.1%}", one["n"]] for words, one in scores.items()]
    return table(["spectra", "scatter (NMAD)", "off by more than 0.05 (1 + *z*)", "test galaxies"], rows)


def intervals_table(scores: dict) -> Markdown:
    """How good redshifts and their intervals are, of test galaxies and of the second survey.

    Parameters
    ----------
    scores : dict
        ``own`` of the metrics.
    """
    rows = [
        [f"{modality}, {words}", one["nmad"], f"{one['within']:.1%}", one["width"], one["n"]]
        for modality in ("spectrum", "image")
        for words, one in (("test galaxies", scores["test"][modality]), ("second survey", scores["second"][modality]))
    ]
    return table(["", "scatter (NMAD)", "within the interval", "median width", "galaxies"], rows)
