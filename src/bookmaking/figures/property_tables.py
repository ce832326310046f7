"""Tables of what neighbours say of redshift, stellar mass and more."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.figures.tables import number, table

NAMES = {
    "redshift": "redshift",
    "log_mstar": "log stellar mass",
    "log_ssfr": "log specific star formation",
    "log_tage_mw": "log mean stellar age",
    "log_z_mw": "log metallicity",
}
WAYS = {
    "image": "image → image",
    "spectrum": "spectrum → spectrum",
    "cross": "image → spectrum",
    "cross_spectrum": "spectrum → image",
}
YARDSTICKS = {
    "photometry_boosted": "floor",
    "unaligned": "unaligned",
    "random": "random",
    "pca": "PCA",
    "supervised": "ceiling",
    "oracle": "best possible",
}


def scores_table(scores: dict[str, dict], *names: str) -> Markdown:
    """R² with its interval, that of other seeds if there is any, how many neighbours said it, and of how many galaxies.

    Parameters
    ----------
    scores : dict
        ``property`` of the metrics: name to direction to ``r2``, ``r2_ci95``, ``n`` and the rest.
    *names : str
        Properties to show; those that are not there get no row.
    """
    rows = []
    for name in [name for name in names if name in scores]:
        for way, title in WAYS.items():
            score = scores[name][way]
            k = f"{score['k']}, {score['weighting']}"
            asked = f"{score['n']:,} / {score['n_gallery']:,}"
            rows.append(
                [NAMES[name], title, _with_interval(score, "r2", ".3f"), _range(score), k, score["r2_k16"], asked]
            )
    if not rows:
        return Markdown("The catalogue knows none of these.")
    columns = ["$R^2$ [95%]", "seeds", "$k$, weights", "$R^2$ at $k = 16$", "tested / answering"]
    if all(row[3] is None for row in rows):
        columns.remove("seeds")
        rows = [row[:3] + row[4:] for row in rows]
    return table(["property", "asked → answered", *columns], rows)


def photoz_table(scores: dict[str, dict]) -> Markdown:
    """Bias, scatter and outliers of predicted redshifts, with intervals, a row for each way of asking.

    Parameters
    ----------
    scores : dict
        Direction to what `astroclip_book.evaluate.photoz.statistics` gives, with intervals.
    """
    forms = {"bias": ".4f", "nmad": ".4f", "outliers_005": ".1%", "outliers_015": ".1%"}
    rows = [
        [title, *(_with_interval(scores[way], name, form) for name, form in forms.items())]
        for way, title in WAYS.items()
    ]
    columns = ["bias", r"$\sigma_\mathrm{NMAD}$", "beyond 0.05", "beyond 0.15"]
    return table(["asked → answered", *columns], rows)


def pz_table(scores: dict[str, dict]) -> Markdown:
    """How good p(z) is, a row for each way of asking.

    Parameters
    ----------
    scores : dict
        Direction to ``pz_k``, ``pz_weighting``, ``crps`` with its interval, ``crps_prior``, ``pit_ks``, ``n``.
    """
    rows = []
    for way, title in WAYS.items():
        score = scores[way]
        crps = [_with_interval(score, "crps", ".4f"), number(score["crps_prior"], ".4f")]
        rows.append([title, f"{score['pz_k']}, {score['pz_weighting']}", *crps, score["pit_ks"]])
    return table(
        ["asked → answered", "$k$, weights", "CRPS [95%]", "CRPS of the survey's $p(z)$", "distance from flat"], rows
    )


def standing_table(rows: dict[str, dict]) -> Markdown:
    """Where one property stands among its yardsticks, a row for each way of asking; what no row has is left out.

    Parameters
    ----------
    rows : dict
        Direction to what `astroclip_book.evaluate.yardsticks.standing` says of it.
    """
    marks = {key: title for key, title in YARDSTICKS.items() if any(row[key] is not None for row in rows.values())}
    shares = {"share_of_way": "share of the way", "of_supervised": "of the ceiling"}
    if all(row["share_of_way"] is None for row in rows.values()):
        del shares["share_of_way"]
    body = [
        [WAYS[way], _with_interval(row, "r2", ".3f"), *(row[key] for key in marks)]
        + [number(row[share], ".0%") for share in shares]
        for way, row in rows.items()
    ]
    return table(["asked → answered", "$R^2$ [95%]", *marks.values(), *shares.values()], body)


def gains_table(scores: dict[str, dict]) -> Markdown:
    """What alignment adds to R² on the same galaxies, a row for each property and way of asking.

    Parameters
    ----------
    scores : dict
        ``gain`` of the metrics, as `astroclip_book.evaluate.gains.gains` gives it.
    """
    rows = [
        [NAMES[name], title, _with_interval(scores[name][way], "r2", "+.3f"), YARDSTICKS[scores[name][way]["over"]]]
        for name in scores
        for way, title in WAYS.items()
    ]
    return table(["property", "asked → answered", "gain in $R^2$ [95%]", "over"], rows)


def _with_interval(score: dict, name: str, form: str) -> str:
    low, high = score[f"{name}_ci95"]
    return f"{number(score[name], form)} [{number(low, form)}, {number(high, form)}]"


def _range(score: dict) -> str | None:
    seeds = score.get("r2_seeds", [])
    return f"{number(min(seeds), '.3f')} to {number(max(seeds), '.3f')}" if len(seeds) > 1 else None
