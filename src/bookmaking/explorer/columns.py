"""What is known of the explorer's galaxies: numbers, labels, clusters and islands, as lists for a page."""

from __future__ import annotations

import numpy as np

SHOWN_GROUPS = 10  # of clusters or islands; there are no more colours that one can tell apart
SPACES = ("image", "spectrum", "joint")
NUMBERS = {
    "LOG_MSTAR": "log stellar mass (M☉)", "LOG_SSFR": "log sSFR (1/yr)", "TAGE_MW": "age of the stars (Gyr)",
    "MAG_R": "r magnitude", "HALF_LIGHT_RADIUS": "log half-light radius (arcsec)", "SNR_SPEC": "log S/N of the spectrum",
}  # fmt: skip
LOGARITHMS = ("HALF_LIGHT_RADIUS", "SNR_SPEC")
POSITIVE = ("LOG_MSTAR", "TAGE_MW")  # others stand for a fit that failed
LABELS = {
    "MORPHOLOGY": "morphology", "IONISATION": "ionising source", "MERGER": "merger", "ARTEFACT": "image artefact",
}  # fmt: skip


def numbers(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> list[dict]:
    """Redshift and the catalogue's numbers, known of at least one galaxy: ``label`` and ``values`` (n,), None where unknown."""
    columns = {"redshift": redshift}
    for name, label in NUMBERS.items():
        values = np.asarray(catalog.get(name, np.full(len(redshift), np.nan)), float)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values) if name in LOGARITHMS else values
            columns[label] = np.where(values > 0, values, np.nan) if name in POSITIVE else values
    return [{"label": label, "values": rounded(v)} for label, v in columns.items() if np.isfinite(v).any()]


def categories(catalog: dict[str, np.ndarray], analysis: dict) -> list[dict]:
    """Labels of a catalogue, and clusters and islands of ``analysis.h5``, where they are not all the same.

    Each has its ``label``, ``names``, ``codes`` (n,) of these, and ``plain``, the codes of those that stand back. Groups beyond the
    tenth are put together.
    """
    words = {}
    for name in (name for name in LABELS if name in catalog):
        values = np.where(catalog[name], "yes", "no") if catalog[name].dtype == bool else catalog[name].astype(str)
        words[LABELS[name]] = np.where(values == "", "unknown", np.char.replace(values, "_", " "))
    for method, noun in (("kmeans", "cluster"), ("dbscan", "island")):
        titles = np.array([f"{noun} {code}" for code in range(SHOWN_GROUPS)] + [f"other {noun}s", f"no {noun}"])
        for space in (name for name in SPACES if name in analysis.get(method, {})):
            number = analysis[method][space]
            words[f"{noun} ({space})"] = titles[np.where(number < 0, -1, np.minimum(number, SHOWN_GROUPS))]
    found = []
    for label, values in words.items():
        names, codes = np.unique(values, return_inverse=True)
        plain = [i for i, name in enumerate(names) if name in ("no", "none", "unknown") or name[:3] in ("no ", "oth")]
        found.append({"label": label, "names": names.tolist(), "codes": codes.tolist(), "plain": plain})
    return [one for one in found if len(one["names"]) > 1]


def rounded(values: np.ndarray) -> list:
    """Numbers (n,) with five digits, more than any of them is known to; None where they are not finite."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
