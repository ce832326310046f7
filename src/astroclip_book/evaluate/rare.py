"""Rare kinds of objects, as a catalogue labels them."""

from __future__ import annotations

import numpy as np

ACTIVE = ("seyfert",)  # of the mock's ``IONISATION``: young stars light composites too, old stars its liners
CLEAN = ("none", "")  # an image without a defect, and one that nobody labelled


def rare_kinds(catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which objects (n,) are of a rare kind, ``artefact``, ``merger`` or ``agn``, as far as the catalogue has the labels.

    ``ARTEFACT`` (kind of the image's defect), ``MERGER`` (bool) and ``IONISATION`` (what lights the gas) are used where
    present. An object that the catalogue does not know is of no kind; a kind without two members, who could find each
    other, is left out.
    """
    kinds = {}
    if "ARTEFACT" in catalog:
        kinds["artefact"] = ~np.isin(catalog["ARTEFACT"], CLEAN)
    if "MERGER" in catalog:
        kinds["merger"] = np.asarray(catalog["MERGER"]) == 1  # −1 and NaN: not known
    if "IONISATION" in catalog:
        kinds["agn"] = np.isin(catalog["IONISATION"], ACTIVE)
    return {name: members for name, members in kinds.items() if members.sum() >= 2}
