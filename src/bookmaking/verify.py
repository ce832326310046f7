"""Whether a run came out as the committed reference did, each number within a stated tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from astroclip_book.config import build
from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT, load_preset
from bookmaking.provenance import commit
from bookmaking.run import Run

REFERENCES = ROOT / "book" / "reference"
OTHER_SEED = (
    "another_seed"  # directory of runs like the references, on another survey and with other weights to begin with
)
COMMENTED = (
    REFERENCES / "laptop.json",
    REFERENCES / OTHER_SEED / "laptop.json",
)  # by the chapters, beside the run that they show
MACHINE = ("timing.", "memory.")  # which no reference holds
DIGITS = 7  # significant ones of a reference: those of single precision


@dataclass(frozen=True)
class Family:
    """Numbers that may differ equally far, and why so far.

    Attributes
    ----------
    name : str
    metrics : list of str
        Patterns of dotted names, as of a shell; a number belongs to the first family that has one for it.
    reason : str
    absolute : dict of str to float, optional
        How far a number may be from the reference, by preset; None: it is not compared.
    """

    name: str
    metrics: list[str]
    reason: str
    absolute: dict | None = None


@dataclass(frozen=True)
class Comparison:
    """One number of the reference and of a run, None where the run has none."""

    metric: str
    family: str
    reference: float
    found: float | None
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the number is there and near enough; what is not a number is not."""
        return self.found is not None and abs(self.found - self.reference) <= self.allowed


def numbers(tree: dict, prefix: str = "") -> dict[str, float]:
    """Every number of nested metrics by its dotted name. Lists, which are intervals and curves of these numbers, are left out."""
    found: dict[str, float] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = value
    return found


def load_families() -> list[Family]:
    """Read the tolerances; BookError for a file that is not as it should be."""
    path = REFERENCES / "tolerances.yaml"
    return [
        build(Family, {"absolute": None, **values}, f"{path}, {values.get('name')}")
        for values in yaml.safe_load(path.read_text())
    ]


def family_of(metric: str, families: list[Family]) -> Family:
    """The first family with a pattern for a number; the last of the file takes what is left."""
    return next(family for family in families if any(fnmatchcase(metric, pattern) for pattern in family.metrics))


def compared(metrics: dict, families: list[Family], preset: str) -> dict[str, float]:
    """Those numbers of a run that have a tolerance at this preset."""
    return {
        name: value for name, value in numbers(metrics).items() if preset in (family_of(name, families).absolute or {})
    }


def compare(reference: dict[str, float], metrics: dict, families: list[Family], preset: str) -> list[Comparison]:
    """Hold the metrics of a run against a reference, number by number.

    Parameters
    ----------
    reference : dict
        Dotted name to number.
    metrics : dict
        Of the run, nested.
    families : list of Family
    preset : str
        Whose tolerances count.
    """
    found, rows = numbers(metrics), []
    for metric, value in reference.items():
        family = family_of(metric, families)
        if preset in (family.absolute or {}):  # else its tolerance was taken away since the reference was written
            allowed = family.absolute[preset] + 10**-DIGITS * abs(value)
            rows.append(Comparison(metric, family.name, value, found.get(metric), allowed))
    return rows


def report(rows: list[Comparison], families: list[Family], preset: str) -> str:
    """A line for each family with its furthest number, then each number that is missing or too far."""
    lines = [f"{'':26}{'numbers':>8}{'allowed':>10}{'furthest':>10}"]
    for family in families:
        mine = [row for row in rows if row.family == family.name]
        if mine:
            there = [row for row in mine if row.found is not None]
            worst = max(there, key=lambda row: abs(row.found - row.reference), default=None)
            far = f"{abs(worst.found - worst.reference):10.2g}  {worst.metric}" if worst else f"{'missing':>10}"
            lines.append(f"{family.name:26}{len(mine):8}{family.absolute[preset]:10g}{far}")
    failed = [row for row in rows if not row.holds]
    if failed:
        width = max(len(row.metric) for row in failed)
        lines += ["", f"{'out of tolerance':{width}}{'reference':>14}{'this run':>14}{'allowed':>10}"]
        for row in failed:
            found = "missing" if row.found is None else f"{row.found:.6g}"
            lines.append(f"{row.metric:{width}}{row.reference:14.6g}{found:>14}{row.allowed:10.2g}")
    return "\n".join(lines)


def verify(run: Run, directory: Path = REFERENCES) -> str:
    """Compare a run that is up to date with the reference of its preset, and return the report.

    Raises
    ------
    BookError
        When there is no reference, its seed is another, or a number is missing or out of its tolerance; the message has the table.
    """
    path, families = directory / f"{run.preset.name}.json", load_families()
    reference = read_json(path)
    if not reference:
        raise BookError(
            f"There is no reference {path}: `make reference PRESET={run.preset.name}` writes one from the run."
        )
    if reference["seed"] != run.preset.seed:
        raise BookError(
            f"The run has seed {run.preset.seed} and the reference seed {reference['seed']}: another survey."
        )
    rows = compare(reference["metrics"], run.metrics, families, run.preset.name)
    failed = sum(not row.holds for row in rows)
    text = report(rows, families, run.preset.name)
    if failed:
        raise BookError(
            f"{failed} of {len(rows)} numbers do not agree with {path} (commit {reference['commit'][:7]}). "
            f"Where a change is meant, `make reference PRESET={run.preset.name}` renews it.\n\n{text}"
        )
    return f"{text}\n\nAll {len(rows)} numbers agree with {path} (commit {reference['commit'][:7]})."


def write_reference(run: Run, directory: Path = REFERENCES) -> Path:
    """Make a run the reference of its preset, and return the path of the file.

    A run with another seed than the preset has in the repository goes to ``another_seed/``: it is not compared, and says how far
    chance alone carries a number.

    Raises
    ------
    BookError
        When no family has a tolerance for the preset.
    """
    kept = compared(run.metrics, load_families(), run.preset.name)
    if not kept:
        raise BookError(
            f"{REFERENCES / 'tolerances.yaml'} has no tolerances for the preset '{run.preset.name}': add them first."
        )
    like = run.preset.seed == load_preset(run.preset.name).seed
    path = (directory if like else directory / OTHER_SEED) / f"{run.preset.name}.json"
    path.parent.mkdir(exist_ok=True)
    others = {}
    if path.name == COMMENTED[0].name:  # chapters comment on what is not compared, too
        others = {
            name: value
            for name, value in numbers(run.metrics).items()
            if name not in kept and not name.startswith(MACHINE)
        }
    write_json(
        path, {"seed": run.preset.seed, "commit": commit(), "metrics": _rounded(kept), "not_compared": _rounded(others)}
    )
    return path


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {
        name: value if isinstance(value, int) else float(f"{value:.{DIGITS}g}") for name, value in sorted(found.items())
    }
