"""The claims of the executive summary, each with a measure, a threshold stated before the run, and a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SUPPORTED, OPEN, REFUSED, UNKNOWN = "supported", "open", "not supported", "not measured"


@dataclass(frozen=True)
class Measure:
    """One number that a claim stands or falls with.

    Attributes
    ----------
    claim : str
        Of the executive summary.
    name : str
        What is measured.
    threshold : float
    value : callable
        Metrics of a run to the number and its 95 % interval, (value, [low, high] or None); KeyError, TypeError or
        ZeroDivisionError where a run has none.
    published : str
        What earlier works report, with its source.
    most : bool
        Whether the threshold is the largest value allowed, not the least.
    """

    claim: str
    name: str
    threshold: float
    value: Callable[[dict], tuple[float, list[float] | None]]
    published: str = "–"
    most: bool = False


def judge(value: float, interval: list[float] | None, threshold: float, most: bool = False) -> str:
    """``supported`` or ``not supported`` where the whole interval is on that side of the threshold, else ``open``.

    Without an interval the value alone decides.
    """
    low, high = interval or (value, value)
    if most:
        low, high, threshold = -high, -low, -threshold
    return SUPPORTED if low >= threshold else REFUSED if high < threshold else OPEN


def claims(metrics: dict) -> list[dict]:
    """All measures with their values in a run and the verdicts.

    Parameters
    ----------
    metrics : dict
        `Run.metrics`.

    Returns
    -------
    list of dict
        ``claim``, ``measure``, ``threshold``, ``most``, ``value``, ``ci95``, ``published``, ``verdict``. Value, interval and perhaps
        verdict (``not measured``) say where a run has no such number.
    """
    rows = []
    for one in MEASURES:
        try:
            value, interval = one.value(metrics)
        except (KeyError, TypeError, ZeroDivisionError):
            value = interval = None
        verdict = UNKNOWN if value is None else judge(value, interval, one.threshold, one.most)
        rows.append({
            "claim": one.claim, "measure": one.name, "threshold": one.threshold, "most": one.most, "value": value,
            "ci95": interval, "published": one.published, "verdict": verdict,
        })  # fmt: skip
    return rows


def _at(*path: str) -> Callable[[dict], tuple[float, list[float] | None]]:
    """The number under these keys, and the interval that stands beside it."""

    def value(metrics: dict) -> tuple[float, list[float] | None]:
        for key in path[:-1]:
            metrics = metrics[key]
        return metrics[path[-1]], metrics.get(f"{path[-1]}_ci95")

    return value


def _of_ceiling(name: str, direction: str) -> Callable[[dict], tuple[float, list[float] | None]]:
    """R² as a share of that of the supervised network of the modality that is asked."""
    asked = "spectrum" if direction == "spectrum" else "image"

    def value(metrics: dict) -> tuple[float, list[float] | None]:
        score, ceiling = metrics["property"][name][direction], metrics["baseline"]["supervised"][name][asked]["r2"]
        return score["r2"] / ceiling, [edge / ceiling for edge in score["r2_ci95"]]

    return value


def _island(kind: str, share: str) -> Callable[[dict], tuple[float, list[float] | None]]:
    """Precision or recall of an island; 0 where nothing that was found beats luck."""

    def value(metrics: dict) -> tuple[float | None, list[float] | None]:
        scores = metrics["islands"][kind]
        if scores["wanted"] and scores["group"] is None:
            return 0.0, None
        return scores[share], scores.get(f"{share}_ci95")

    return value


def _artefacts(metrics: dict) -> tuple[float, list[float] | None]:
    """Area under ROC of the features and the method that were best on validation objects."""
    found = metrics["artefacts"]
    best = found[found["best_space"]][found["best"][found["best_space"]]]
    return best["auc"], best["auc_ci95"]


def _over_null(metrics: dict) -> tuple[float, list[float] | None]:
    scores = metrics["clusters"]
    null = scores["cross_modal_ami_null"]
    return scores["cross_modal_ami"] / null, [edge / null for edge in scores["cross_modal_ami_ci95"]]


IN, CROSS = "Search within a modality is robust", "Search across modalities is robust"
ACCURATE, ALONE = "Redshift and mass are accurate", "One modality alone is enough"
ORDER, ARTEFACTS = "The space is ordered by redshift and mass", "Images with artefacts form an island"
SPIRALS, BOTH = "Bright spirals form an island", "Clusters are consistent between modalities"
NAMES = {"redshift": "redshift", "log_mstar": "mass"}
PLURAL = {"image": "images", "spectrum": "spectra"}

MEASURES = (
    Measure(
        IN,
        "redshift from an image's neighbours, R²",
        0.65,
        _at("property", "redshift", "image", "r2"),
        "0.65 (Vrikkis), 0.71 (v1)",
    ),
    Measure(
        IN,
        "redshift from a spectrum's neighbours, R²",
        0.87,
        _at("property", "redshift", "spectrum", "r2"),
        "0.87 (Vrikkis), 0.97 (v1)",
    ),
    Measure(
        CROSS,
        "recall at 10, image → spectrum, of 2,000",
        0.20,
        _at("retrieval", "image_to_spectrum", "recall_at_10"),
        "0.119 (crimsonKn1ght)",
    ),
    Measure(
        CROSS, "recall at 10, spectrum → image, of 2,000", 0.20, _at("retrieval", "spectrum_to_image", "recall_at_10")
    ),
    Measure(
        ACCURATE,
        "redshift from spectra, R²",
        0.95,
        _at("property", "redshift", "spectrum", "r2"),
        "0.97 (v1), 0.99 (v2)",
    ),
    Measure(
        ACCURATE,
        "share of redshifts from spectra beyond 0.05 (1 + z)",
        0.05,
        _at("property", "redshift", "spectrum", "outliers_005"),
        most=True,
    ),
    Measure(ACCURATE, "redshift from spectra, share of the supervised R²", 0.97, _of_ceiling("redshift", "spectrum")),
    *(
        Measure(
            ACCURATE if direction == "image" else ALONE,
            f"{NAMES[name]}, {'from images' if direction == 'image' else 'an image asks spectra'}, share of the supervised R²",
            0.90,
            _of_ceiling(name, direction),
        )
        for direction in ("image", "cross")
        for name in NAMES
    ),
    *(
        Measure(
            ALONE,
            f"{NAMES[name]} from {PLURAL[direction]}, gain in R² over the best without alignment",
            0.0,
            _at("gain", name, direction, "r2"),
        )
        for direction in ("image", "spectrum")
        for name in NAMES
    ),
    *(
        Measure(
            ORDER,
            f"{NAMES[name]}: mutual information with clusters of images, adjusted",
            0.10,
            _at("clusters", "image_ami", name),
            "seen by eye (Vrikkis)",
        )
        for name in NAMES
    ),
    Measure(
        ARTEFACTS,
        "precision of the island, found blind",
        0.8,
        _island("artefact", "precision"),
        "seen by eye (Vrikkis)",
    ),
    Measure(ARTEFACTS, "recall of the island, found blind", 0.5, _island("artefact", "recall")),
    Measure(ARTEFACTS, "artefacts told by labels, area under ROC", 0.95, _artefacts),
    Measure(
        SPIRALS,
        "precision of the island, found blind",
        0.5,
        _island("bright_spirals", "precision"),
        "seen by eye (Vrikkis)",
    ),
    Measure(SPIRALS, "recall of the island, found blind", 0.5, _island("bright_spirals", "recall")),
    Measure(BOTH, "mutual information over its null", 10.0, _over_null, "seen by eye (Vrikkis)"),
    Measure(BOTH, "stability over seeds and bootstraps, adjusted Rand index", 0.6, _at("clusters", "stability_ari")),
)
