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
    manifest, chapter_records = run.manifest, records(run)
    steps = {name: manifest[name] for name in run.steps if name in manifest}
    columns = ("commit", *(key.partition(".")[0] for key in MACHINE), "packages")
    told = pd.json_normalize([{key: record[key] for key in columns} for record in steps.values()])
    told.columns = [MACHINE.get(name, name.removeprefix("packages.")) for name in told.columns]
    commits = _distinct(told.pop("commit")) if steps else "–"
    finished = sorted(record["finished"] for record in steps.values())
    the_run = {
        "preset": run.preset.name,
        "seed": str(run.preset.seed),
        "configuration": f"`{configuration(run.preset)}`",
        "data": run.source,
        **_given(steps),
        "commit of the steps": commits,
        "steps finished": " to ".join(dict.fromkeys([finished[0], finished[-1]])) if steps else "–",
        "wall time of all steps (s)": sum(one["wall_seconds"] for one in steps.values()),
        "wall time of all notebooks (s)": sum(one["wall_seconds"] for one in chapter_records.values()),
    }
    machine = [[name, _distinct(told[name])] for name in told.columns]
    notebooks = []
    for page in chapters(root):
        record = chapter_records.get(page.stem)
        state = "**not recorded**" if record is None else "**out of date**" if outdated(run, page) else "up to date"
        notebooks.append(_row(f"{{doc}}`/{page.relative_to(root).with_suffix('')}`", record, state))
    made = [_row(f"`{name}`", steps.get(name), _state(run, name, steps)) for name in run.steps]
    artefacts, sums = [], []
    for name, record in steps.items():
        for file, size in record["artefacts"].items():
            sha256 = record["sha256"][file]
            artefacts.append([f"`{file}`", f"`{name}`", size, f"`{sha256[:16]}`"])
            sums.append(f"{sha256}  {file}\n")
    parts = {
        "The run": _table(["", "this run"], list(the_run.items())),
        "Machine and versions": _table(["", "this run"], machine),
        "Notebooks": _table(COLUMNS, notebooks),
        "Steps": _table(COLUMNS, made),
        "Artefacts": _table(["file", "made by", "bytes", "SHA-256 begins"], artefacts),
        "Sums in full": f"As `sha256sum --check` reads them in the run's directory.\n\n```text\n{''.join(sums)}```",
        "Every value of the preset": f"```yaml\n{as_yaml(run.preset)}```",
    }
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items()) + "\n"


def _table(columns: list[str], rows: list[list]) -> str:
    return table(columns, rows, ",.1f", text=len(columns)).data


def _given(steps: dict[str, dict]) -> dict[str, str]:
    """Files that a reader gave, told by their size: to hash 60 GB would take longer than many a step."""
    given = {key: files for one in steps.values() for key, files in one["configuration"].get("files", {}).items()}
    return {f"given as `{key}`": f"{sum(size for _, size, _ in files):,} bytes" for key, files in given.items()}


def _distinct(values: pd.Series) -> str:
    """One value where all steps agree, else each with the number of its steps."""
    counts = values.fillna("–").astype(str).value_counts(sort=False)
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
