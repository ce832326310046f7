"""Whether a run came out as the committed reference did: every number within its tolerance, and no name lost."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import yaml

from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT, flat, load_preset
from bookmaking.store.provenance import commit
from bookmaking.store.run import Run

REFERENCES = ROOT / "book" / "reference"
NAMES = ROOT / "tests" / "metric_names"
OTHER_SEED = "another_seed"  # directory of runs with other galaxies and weights: how far chance alone carries a number
COMMENTED = (REFERENCES / "laptop.json", REFERENCES / OTHER_SEED / "laptop.json")  # by the chapters, beside their run
DIGITS = 7  # significant ones of a reference: those of single precision


def committed() -> list[dict]:
    """Numbers of the two runs on which chapters comment, and intervals [low, high] of paired gains, by dotted name; BookError where one is missing."""
    if missing := [str(path) for path in COMMENTED if not path.is_file()]:
        raise BookError(f"{', '.join(missing)} is missing, on which the chapters comment: take it from the repository.")
    return [one["metrics"] | one["not_compared"] for one in map(read_json, COMMENTED)]


def numbers(metrics: dict) -> dict:
    """Numbers of a run by dotted name."""
    return {name: value for name, value in flat(metrics).items() if isinstance(value, (int, float))}


def tolerances(names: list[str], preset: str) -> pd.DataFrame:
    """Family of each number that has a tolerance, the first in tolerances.yaml with a pattern for it, and how much is allowed."""
    families = yaml.safe_load((REFERENCES / "tolerances.yaml").read_text(encoding="utf-8"))
    rows = {}
    for name in names:
        family = next(one for one in families if any(fnmatchcase(name, pattern) for pattern in one["metrics"]))
        if preset in family.get("absolute", {}):
            rows[name] = [family["name"], family["absolute"][preset]]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["family", "allowed"])


def compare(reference: dict[str, float], metrics: dict, preset: str) -> pd.DataFrame:
    """Numbers of a reference beside those of a run; what is missing or not a number does not ``hold``."""
    table = tolerances(list(reference), preset)
    table["reference"], table["found"] = pd.Series(reference), pd.Series(numbers(metrics), dtype=float)
    table["off"] = (table["found"] - table["reference"]).abs()
    return table.assign(holds=table["off"] <= table["allowed"] + 10**-DIGITS * table["reference"].abs())


def renamed(metrics: dict, preset: str) -> tuple[list[str], list[str]]:
    """Names of ``tests/metric_names`` that a run has lost, but for patterns and retired names, and names that are not listed there."""
    listed, retired = ((NAMES / f"{one}.txt").read_text(encoding="utf-8").splitlines() for one in (preset, "retired"))
    there, may = flat(metrics).keys(), [name for name in listed if "*" in name]
    gone = may + [line.partition(" #")[0] for line in retired]
    lost = [name for name in listed if name not in there and not any(fnmatchcase(name, one) for one in gone)]
    added = [name for name in there - set(listed) if not any(fnmatchcase(name, one) for one in may)]
    return lost, sorted(added)


def verify(run: Run, directory: Path = REFERENCES) -> str:
    """Table of families and their furthest numbers; BookError without a reference, if a number is not as there, or a name is lost."""
    name, path, metrics = run.preset.name, directory / f"{run.preset.name}.json", run.metrics
    reference = read_json(path)
    if not reference:
        raise BookError(f"There is no reference {path}: `make reference PRESET={name}` writes one from the run.")
    if reference["seed"] != run.preset.seed:
        raise BookError(f"The run has seed {run.preset.seed}, the reference seed {reference['seed']}: another survey.")
    table = compare(reference["metrics"], metrics, name)
    worst = table.sort_values("off", na_position="first").assign(furthest=lambda t: t.index).groupby("family")
    text = worst.agg({"reference": "size", "allowed": "first", "off": "last", "furthest": "last"}).to_string()
    failed = table[~table["holds"]]
    lost, added = renamed(metrics, name) if (NAMES / f"{name}.txt").is_file() else ([], [])
    if len(failed) or lost:
        raise BookError(
            f"{len(failed)} of {len(table)} numbers do not agree with {path} (commit {reference['commit'][:7]}). Where "
            f"a change is meant, `make reference PRESET={name}` renews it.\n\n{text}\n\n{failed.to_string()}\n\nNames "
            f"of {NAMES} that are lost: {', '.join(lost) or 'none'}"
        )
    more = f" and {len(added) - 8} more" if len(added) > 8 else ""
    new = f" Names that {NAMES} does not list yet: {', '.join(added[:8])}{more}." if added else ""
    return f"{text}\n\nAll {len(table)} numbers agree with {path} (commit {reference['commit'][:7]}).{new}"


def write_reference(run: Run, directory: Path = REFERENCES) -> Path:
    """Make a run the reference of its preset, or, with another seed, a run of ``another_seed/``; BookError without tolerances."""
    metrics, name = run.metrics, run.preset.name
    found = numbers(metrics)
    kept = tolerances(list(found), name).index
    if kept.empty:
        raise BookError(f"{REFERENCES / 'tolerances.yaml'} has no tolerances for the preset '{name}': add them first.")
    path = directory / ("" if run.preset.seed == load_preset(name).seed else OTHER_SEED) / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    rounded = {k: _rounded(v) for k, v in sorted(found.items())}
    others = {k: v for k, v in rounded.items() if k not in kept and not k.startswith(("timing.", "memory."))}
    # Chapters 06 and 08 show the paired differences of committed runs with their intervals.
    gains = {k: v for k, v in flat(metrics).items() if k.startswith("gain.") and k.endswith("_ci95")}
    others |= {k: [_rounded(edge) for edge in edges] for k, edges in gains.items()}
    content = {"seed": run.preset.seed, "commit": commit(), "metrics": {k: v for k, v in rounded.items() if k in kept}}
    write_json(path, content | {"not_compared": {} if name == "smoke" else others})
    return path  # chapters comment on what is not compared, too


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")
