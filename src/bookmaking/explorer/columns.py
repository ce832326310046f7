"""What is known of the explorer's galaxies: numbers, labels, clusters and islands, as lists for a page."""

from __future__ import annotations

import numpy as np

SHOWN_GROUPS = 10  # of clusters or islands; there are no more colours that one can tell apart
SPACES = ("image", "spectrum", "joint")
NUMBERS = {
    "LOG_MSTAR": "log stellar mass (M☉)",
    "LOG_SSFR": "log sSFR (1/yr)",
    "TAGE_MW": "age of the stars (Gyr)",
    "MAG_R": "r magnitude",
    "HALF_LIGHT_RADIUS": "log half-light radius (arcsec)",
    "SNR_SPEC": "log S/N of the spectrum",
}
LOGARITHMS = ("HALF_LIGHT_RADIUS", "SNR_SPEC")
POSITIVE = ("LOG_MSTAR", "TAGE_MW")  # others stand for a fit that failed
LABELS = {
    "MORPHOLOGY": "morphology",
    "IONISATION": "what lights the gas",
    "MERGER": "merger",
    "ARTEFACT": "image artefact",
}


def numbers(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> list[dict]:
    """Redshift and the catalogue's numbers, known of at least one galaxy: ``label`` and ``values`` (n,), None where unknown."""
    columns = {"redshift": np.asarray(redshift, float)}
    for name, label in NUMBERS.items():
        if name in catalog:
            values = np.asarray(catalog[name], float)
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values) if name in LOGARITHMS else values
                columns[label] = np.where(values > 0, values, np.nan) if name in POSITIVE else values
    return [{"label": label, "values": rounded(v)} for label, v in columns.items() if np.isfinite(v).any()]


def categories(catalog: dict[str, np.ndarray]) -> list[dict]:
    """Labels of a catalogue that are not all the same: ``label``, ``names``, ``codes`` (n,) and ``plain``, codes that stand back."""
    found = []
    for values, label in ((catalog[column], label) for column, label in LABELS.items() if column in catalog):
        words = np.where(values, "yes", "no") if values.dtype == bool else np.char.replace(values.astype(str), "_", " ")
        names, codes = np.unique(np.where(words == "", "unknown", words), return_inverse=True)
        plain = [code for code, name in enumerate(names) if name in ("no", "none", "unknown")]
        found.append({"label": label, "names": names.tolist(), "codes": codes.tolist(), "plain": plain})
    return [one for one in found if len(one["names"]) > 1]


def groups(analysis: dict) -> list[dict]:
    """Clusters and islands of ``analysis.h5``, as `categories` gives labels; those beyond the tenth are put together."""
    found = []
    for method, noun in (("kmeans", "cluster"), ("dbscan", "island")):
        titles = np.array([f"{noun} {code}" for code in range(SHOWN_GROUPS)] + [f"other {noun}s", f"no {noun}"])
        for space in (name for name in SPACES if name in analysis.get(method, {})):
            number = analysis[method][space]
            number = np.where(number < 0, SHOWN_GROUPS + 1, np.minimum(number, SHOWN_GROUPS))
            present, codes = np.unique(number, return_inverse=True)
            found.append({"label": f"{noun} ({space})", "names": titles[present].tolist(), "codes": codes.tolist(),
                          "plain": np.flatnonzero(present >= SHOWN_GROUPS).tolist()})  # fmt: skip
    return [one for one in found if len(one["names"]) > 1]


def rounded(values: np.ndarray) -> list:
    """Numbers (n,) with five digits, more than any of them is known to; None where they are not finite."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
