"""What is known of the explorer's galaxies: numbers, labels, clusters and islands, as lists for a page."""

from __future__ import annotations

import numpy as np

DIGITS = 5  # of a number; more than any of them is known to
SHOWN_GROUPS = 10  # of clusters or islands; there are no more colours that one can tell apart


def positive(values: np.ndarray) -> np.ndarray:
    """Values, NaN where they are not positive: those of masses and ages stand for a fit that failed."""
    return np.where(values > 0, values, np.nan)


# Columns of a catalogue that a reader may colour by: column, label, transformation.
NUMBERS = (
    ("LOG_MSTAR", "log stellar mass (M☉)", positive),
    ("LOG_SSFR", "log sSFR (1/yr)", None),
    ("TAGE_MW", "age of the stars (Gyr)", positive),
    ("MAG_R", "r magnitude", None),
    ("HALF_LIGHT_RADIUS", "log half-light radius (arcsec)", np.log10),
    ("SNR_SPEC", "log S/N of the spectrum", np.log10),
)
CATEGORIES = (
    ("MORPHOLOGY", "morphology"), ("IONISATION", "what lights the gas"), ("MERGER", "merger"), ("ARTEFACT", "image artefact"),
)  # fmt: skip
SPACES = ("image", "spectrum", "joint")
GROUPINGS = {"kmeans": "cluster", "dbscan": "island"}


def numbers(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> list[dict]:
    """Properties that are numbers and known of at least one galaxy: ``label`` and ``values`` (n,), None where unknown.

    Parameters
    ----------
    redshift : (n,) array
    catalog : dict of (n,) arrays
        Columns under PROVABGS names; those that are there are used.
    """
    columns = [("redshift", np.asarray(redshift, float))]
    for name, label, transformation in NUMBERS:
        if name in catalog:
            values = np.asarray(catalog[name], float)
            with np.errstate(divide="ignore", invalid="ignore"):
                columns.append((label, transformation(values) if transformation else values))
    return [{"label": label, "values": rounded(v)} for label, v in columns if np.isfinite(v).any()]


def categories(catalog: dict[str, np.ndarray]) -> list[dict]:
    """Labels of a catalogue: ``label``, ``names``, ``codes`` (n,) and ``plain``, the codes that stand back.

    Labels that are the same for all galaxies are left out; an empty one is "unknown".
    """
    found = []
    for column, label in CATEGORIES:
        if column not in catalog:
            continue
        values = catalog[column]
        words = np.where(values, "yes", "no") if values.dtype == bool else np.char.replace(values.astype(str), "_", " ")
        words = np.where(words == "", "unknown", words)
        names, codes = np.unique(words, return_inverse=True)
        if len(names) > 1:
            plain = [code for code, name in enumerate(names) if name in ("no", "none", "unknown")]
            found.append({"label": label, "names": names.tolist(), "codes": codes.tolist(), "plain": plain})
    return found


def groups(analysis: dict) -> list[dict]:
    """Clusters and islands of ``analysis.h5``, as `categories` gives labels; those beyond the tenth are put together."""
    found = []
    for method, noun in GROUPINGS.items():
        for space in (name for name in SPACES if name in analysis.get(method, {})):
            number = analysis[method][space]
            codes = np.where(number < 0, SHOWN_GROUPS + 1, np.minimum(number, SHOWN_GROUPS))
            labels = [f"{noun} {code}" for code in range(SHOWN_GROUPS)] + [f"other {noun}s", f"no {noun}"]
            present, codes = np.unique(codes, return_inverse=True)
            if len(present) > 1:
                plain = [place for place, code in enumerate(present) if code >= SHOWN_GROUPS]
                found.append({"label": f"{noun} ({space})", "names": [labels[code] for code in present],
                              "codes": codes.tolist(), "plain": plain})  # fmt: skip
    return found


def rounded(values: np.ndarray) -> list:
    """Numbers (n,) with five digits, None where they are not finite."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]
