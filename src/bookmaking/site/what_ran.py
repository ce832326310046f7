"""What ran: the record of a run as tables in Markdown, and the line under each figure that points to it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bookmaking.execution import chapters, outdated, records
from bookmaking.figures.tables import table
from bookmaking.presets import Preset, as_yaml
from bookmaking.store.keys import digest
from bookmaking.store.run import Run

COLUMNS = ["", "wall time (s)", "peak memory (MiB)", "finished (UTC)", "commit", "state"]
MACHINE = {"hardware.cpu": "processor", "hardware.cores": "cores", "hardware.memory_bytes": "memory (bytes)",
           "hardware.gpu": "GPU", "device": "device of the steps", "platform": "platform", "python": "Python"}  # fmt: skip


def configuration(preset: Preset) -> str:
    """Short name of the values of a run: the first seven digits of the SHA-256 of its preset as the page prints it."""
    return digest(as_yaml(preset))[:7]


def caption_line(preset: Preset, commit: str) -> str:
    """What run a page is of, in a line."""
    return f"Run {preset.name} · seed {preset.seed} · configuration {configuration(preset)} · commit {_commit(commit)}"


def what_ran(run: Run, root: Path) -> str:
    """All that is recorded of a run, as Markdown; what does not belong to the present code and configuration is marked."""
    manifest, made = run.manifest, records(run)
    steps = {name: manifest[name] for name in run.steps if name in manifest}
    columns = ("commit", "finished", *(key.partition(".")[0] for key in MACHINE), "packages")
    told = pd.json_normalize([{key: record[key] for key in columns} for record in steps.values()])
    told.columns = [MACHINE.get(name, name.removeprefix("packages.")) for name in told.columns]
    given = {k: v for record in steps.values() for k, v in record["configuration"].get("files", {}).items()}
    # A file that a reader gave is told by its size: to hash 60 GB would take longer than many a step.
    sizes = {f"given as `{key}`": f"{sum(size for _, size, _ in files):,} bytes" for key, files in given.items()}
    finished = sorted({record["finished"] for record in steps.values()}) or ["–"]
    seconds = [sum(record["wall_seconds"] for record in records.values()) for records in (steps, made)]
    the_run = {"preset": run.preset.name, "seed": str(run.preset.seed), "configuration": f"`{configuration(run.preset)}`",
               "data": run.source, **sizes, "commit of the steps": _distinct(told, "commit"),
               "steps finished": " to ".join(dict.fromkeys([finished[0], finished[-1]])),
               "wall time of all steps (s)": seconds[0], "wall time of all notebooks (s)": seconds[1]}  # fmt: skip
    machine = {name: _distinct(told, name) for name in told.columns if name not in ("commit", "finished")}
    files = [
        (file, name, size, one["sha256"][file])
        for name, one in steps.items()
        for file, size in one["artefacts"].items()
    ]
    sums = "\n".join(f"{sha256}  {file}" for file, _, _, sha256 in files)
    pages = {f"{{doc}}`/{page.relative_to(root).with_suffix('')}`": page for page in chapters(root)}
    parts = {
        "The run": _table(["", "this run"], the_run.items()),
        "Machine and versions": _table(["", "this run"], machine.items()),
        "Notebooks": _table(COLUMNS, [_row(name, made.get(page.stem), "**not recorded**" if page.stem not in made else
                                           "**out of date**" if outdated(run, page) else "up to date")
                                      for name, page in pages.items()]),
        "Steps": _table(COLUMNS, [_row(f"`{name}`", steps.get(name), _state(run, name, steps)) for name in run.steps]),
        "Artefacts": _table(["file", "made by", "bytes", "SHA-256 begins"],
                            [[f"`{file}`", f"`{name}`", size, f"`{sha256[:16]}`"] for file, name, size, sha256 in files]),
        "Sums in full": f"As `sha256sum --check` reads them in the run's directory.\n\n```text\n{sums}\n```",
        "Every value of the preset": f"```yaml\n{as_yaml(run.preset)}```",
    }  # fmt: skip
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items()) + "\n"


def _table(columns: list[str], rows) -> str:
    return table(columns, list(rows), ",.1f", text=len(columns)).data


def _distinct(told: pd.DataFrame, name: str) -> str:
    """One value where all steps agree, else each with the number of its steps."""
    counts = told.get(name, pd.Series(dtype=object)).fillna("–").astype(str).value_counts(sort=False)
    return counts.index[0] if len(counts) == 1 else "; ".join(f"{one} ({n} steps)" for one, n in counts.items())


def _row(name: str, record: dict | None, state: str) -> list:
    """What a chapter or a step cost, of `COLUMNS`."""
    if record is None:
        return [name, None, None, None, None, state]
    cost = record["wall_seconds"], record["peak_rss_bytes"] // 2**20
    return [name, *cost, record["finished"], _commit(record["commit"]), state]


def _state(run: Run, name: str, steps: dict[str, dict]) -> str:
    if name not in steps:
        return "**not made**" if run.problem(name) else "read from files"
    if run.problem(name):
        return "**out of date**"
    now = {artefact: value for record in steps.values() for artefact, value in record["sha256"].items()}
    other = [artefact for artefact, value in steps[name]["inputs"].items() if now.get(artefact) != value]
    return f"**made from an earlier {', '.join(other)}**" if other else "up to date"


def _commit(text: str) -> str:
    return text[:7] + (", with changes" if text.endswith("+dirty") else "")
