"""Numbers of the embedding space: how many clusters, what sets them apart, what a map keeps, what is strange."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from bookmaking.figures.search import KINDS
from bookmaking.figures.style import FAINT, MODALITY, WIDTH, drawing

NAMES = {
    "redshift": "redshift", "log_mstar": "log stellar mass", "log_ssfr": "log specific star formation", "mag_r": "$r$ magnitude",
    "half_light_radius": "half-light radius", "bulge_to_total": "bulge to total", "axis_ratio": "axis ratio", "morphology": "morphology",
    "spiral": "spiral", "merger": "merger", "artefact": "artefact",
}  # fmt: skip
DETECTORS = {
    "image_distance": "image: distance to neighbours", "image_forest": "image: isolation forest",
    "spectrum_distance": "spectrum: distance to neighbours", "spectrum_forest": "spectrum: isolation forest",
    "disagreement": "image and spectrum disagree",
}  # fmt: skip


@drawing
def how_many(silhouettes: dict[str, dict[str, float]], number: int):
    """Silhouettes of each modality (number of clusters to score) and the number that was taken."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    for name, curve in silhouettes.items():
        axis.plot([int(k) for k in curve], list(curve.values()), marker="o", ms=4, color=MODALITY[name], label=name)
    axis.axvline(number, color=FAINT, lw=0.8, ls=":", label="taken")
    axis.set(xlabel="number of clusters", ylabel="mean silhouette")
    axis.legend()
    return figure


@drawing
def radii(distances: dict[str, np.ndarray], chosen: dict[str, float]):
    """Ascending distances (n,) to the n-th neighbour on each map, and the radius taken at the knee."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    for name, curve in distances.items():
        axis.plot(np.linspace(0, 1, len(curve)), curve, color=MODALITY[name], label=name)
        axis.plot(np.mean(curve <= chosen[name]), chosen[name], marker="o", ms=5, color=MODALITY[name])
    axis.set(xlabel="share of galaxies", ylabel="distance on the map", xlim=(0, 1.01), ylim=(0, None))
    axis.legend()
    return figure


@drawing
def effects(sizes: dict[str, list[float | None]]):
    """Cohen's d of each property (columns) in each cluster (rows); colours saturate at 2."""
    table = np.array([[np.nan if value is None else value for value in column] for column in sizes.values()]).T
    figure, axis = plt.subplots(figsize=(WIDTH, 0.34 * len(table) + 1.3))
    shown = axis.imshow(table, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        colour = "white" if abs(value) > 1.3 else "black"
        text = "–" if np.isnan(value) else f"{value:+.1f}".replace("-", "−")
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axis.set_xticks(range(len(sizes)), [NAMES[name] for name in sizes], rotation=35, ha="right")
    axis.set_yticks(range(len(table)), [f"cluster {group}" for group in range(len(table))])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(shown, ax=axis, label="Cohen's $d$", extend="both", pad=0.01)
    return figure


@drawing
def kept_by_maps(order: dict[str, dict[str, dict[str, dict[str, float]]]]):
    """R² of each property from neighbours on the map (open) and in the space (full), a colour for each modality."""
    names = list(next(iter(order.values()))["map"])
    figure, axis = plt.subplots(figsize=(WIDTH, 0.36 * len(names) + 0.9))
    for offset, (space, found) in zip((-0.22, 0, 0.22), order.items(), strict=True):
        rows = np.arange(len(names)) + offset
        inside, on_map = ([found[way][name]["r2"] for name in names] for way in ("space", "map"))
        axis.hlines(rows, on_map, inside, color=MODALITY[space], lw=0.8)
        axis.plot(inside, rows, "o", ms=4.5, color=MODALITY[space], label=space)
        axis.plot(on_map, rows, "o", ms=4.5, mfc="white", color=MODALITY[space])
    axis.axvline(0, color=FAINT, lw=0.8)
    axis.set_yticks(range(len(names)), [NAMES[name] for name in names])
    axis.set(
        ylim=(len(names) - 0.4, -0.6), xlabel="$R^2$ from the ten nearest others: full in the space, open on its map"
    )
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@drawing
def detectors(scores: dict[str, dict[str, dict]]):
    """Areas under ROC of each detector (rows) for each rare kind (panels), with intervals; the line is chance."""
    figure, axes = plt.subplots(1, len(scores), figsize=(WIDTH, 1.9), sharex=True, sharey=True, squeeze=False)
    for axis, (kind, found) in zip(axes[0], scores.items(), strict=True):
        for row, name in enumerate(DETECTORS):
            colour = MODALITY[name.split("_")[0]] if "_" in name else MODALITY["cross"]
            axis.hlines(row, *found[name]["auc_ci95"], color=colour, lw=1)
            axis.plot(found[name]["auc"], row, "o", ms=4.5, color=colour)
        axis.axvline(0.5, color=FAINT, lw=0.8, ls=":")
        wanted = round(next(iter(found.values()))["base_rate"] * next(iter(found.values()))["n"])
        axis.set(title=f"{KINDS[kind]} ({wanted})", xlabel="area under ROC")
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(DETECTORS)), DETECTORS.values())
    axes[0, 0].set_ylim(len(DETECTORS) - 0.5, -0.5)
    return figure
