"""What ran: the record of a run as tables in Markdown, and the line under each figure that points to it."""

from __future__ import annotations

from pathlib import Path

from bookmaking.execution import chapters, outdated, records
from bookmaking.fingerprint import digest
from bookmaking.presets import Preset, as_yaml
from bookmaking.run import Run

UNKNOWN = "–"  # not recorded
CHANGED = "+dirty"  # what provenance appends to a commit when files differ from it


def configuration(preset: Preset) -> str:
    """Short name of the values of a run: the first seven digits of the SHA-256 of its preset as the page prints it."""
    return digest(as_yaml(preset))[:7]


def caption_line(preset: Preset, commit: str) -> str:
    """What made a figure, in a line."""
    return f"Run {preset.name} · seed {preset.seed} · configuration {configuration(preset)} · commit {_commit(commit)}"


def what_ran(run: Run, root: Path) -> str:
    """All that is recorded of a run: what, where, in what time and memory, with which hashes.

    Parameters
    ----------
    run : Run
    root : Path
        The repository, whose chapters are listed.

    Returns
    -------
    str
        Markdown below a page's title. What does not belong to the present code and configuration is marked.
    """
    steps = {name: record for name in run.steps if (record := run.made(name))}
    parts = {
        "The run": _run(run, steps),
        "Machine and versions": _machine(steps),
        "Notebooks": _notebooks(run, root),
        "Steps": _steps(run, steps),
        "Artefacts": _artefacts(steps),
        "Every value of the preset": f"```yaml\n{as_yaml(run.preset)}```",
    }
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items() if text) + "\n"


def _run(run: Run, steps: dict[str, dict]) -> str:
    times = sorted(_all(steps, "finished"))
    rows = [
        ["preset", run.preset.name],
        ["seed", run.preset.seed],
        ["configuration", f"`{configuration(run.preset)}`"],
        ["data", run.source],
        ["commit of the steps", _distinct(steps, lambda record: _commit(record["commit"], 12))],
        ["steps finished", " to ".join(dict.fromkeys([times[0], times[-1]])) if times else UNKNOWN],
        ["steps, wall time in all", _seconds(sum(_all(steps, "wall_seconds")))],
        ["notebooks, wall time in all", _seconds(sum(_all(records(run), "wall_seconds")))],
    ]
    files = {}
    for record in steps.values():
        files |= record["configuration"].get("files", {})
    rows += [[f"given as `{key}`", _given(stamp)] for key, stamp in files.items()]
    return _table(["", "this run"], rows)


def _given(stamp: list) -> str:
    """Size of what a reader gave, which is told by size and time of change: to hash 60 GB would take longer than many a step."""
    sizes = [size for _, size, _ in stamp] if isinstance(stamp[0], list) else stamp[:1]
    return f"{len(sizes)} file{'s' if len(sizes) > 1 else ''}, {_bytes(sum(sizes))}"


def _machine(steps: dict[str, dict]) -> str:
    def hardware(key, form=str):
        return _distinct(steps, lambda record: form(record["hardware"][key]))

    rows = [
        ["processor", hardware("cpu")],
        ["cores", hardware("cores")],
        ["memory", hardware("memory_bytes", _bytes)],
        ["GPU", hardware("gpu", lambda name: name or "not used")],
        ["device of the steps", _distinct(steps, lambda record: record["device"])],
        ["platform", _distinct(steps, lambda record: record["platform"])],
        ["Python", _distinct(steps, lambda record: record["python"])],
    ]
    packages = list(dict.fromkeys(name for record in steps.values() for name in record["packages"]))
    rows += [
        [name, _distinct(steps, lambda record, name=name: record["packages"].get(name, UNKNOWN))] for name in packages
    ]
    return _table(["", "this run"], rows)


def _notebooks(run: Run, root: Path) -> str:
    made, rows = records(run), []
    for chapter in chapters(root):
        record, page = made.get(chapter.stem), f"{{doc}}`/{chapter.relative_to(root).with_suffix('')}`"
        if record is None:
            rows.append([page, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "**not recorded**"])
            continue
        status = "**out of date**" if outdated(run, chapter, record) else "up to date"
        rows.append([page, *_cost(record), record["finished"], _commit(record["commit"]), status])
    return _table(["notebook", "wall time", "peak memory", "finished (UTC)", "commit", "state"], rows)


def _steps(run: Run, steps: dict[str, dict]) -> str:
    rows = []
    for name in run.steps:
        record = steps.get(name)
        if record is None:
            rows.append([f"`{name}`", *[UNKNOWN] * 4, "**not made**" if run.problem(name) else "read from files"])
            continue
        rows.append(
            [f"`{name}`", *_cost(record), record["finished"], _commit(record["commit"]), _state(run, name, steps)]
        )
    return _table(["step", "wall time", "peak memory", "finished (UTC)", "commit", "state"], rows)


def _state(run: Run, name: str, steps: dict[str, dict]) -> str:
    if run.problem(name):
        return "**out of date**"
    now = {artefact: value for record in steps.values() for artefact, value in record["sha256"].items()}
    other = [artefact for artefact, value in steps[name]["inputs"].items() if now.get(artefact) != value]
    return f"**made from an earlier {', '.join(other)}**" if other else "up to date"


def _artefacts(steps: dict[str, dict]) -> str:
    rows, sums = [], []
    for name, record in steps.items():
        for artefact, size in record["artefacts"].items():
            value = record["sha256"][artefact]
            rows.append([f"`{artefact}`", f"`{name}`", _bytes(size), f"`{value[:16]}`"])
            sums.append(f"{value}  {artefact}")
    if not sums:
        return _table(["file", "made by", "size", "SHA-256 begins"], rows)
    whole = "\n".join(
        [":::{dropdown} Sums in full, for `sha256sum --check` in the run's directory", "```text", *sums, "```", ":::"]
    )
    return _table(["file", "made by", "size", "SHA-256 begins"], rows) + "\n\n" + whole


def _table(columns: list[str], rows: list[list]) -> str:
    lines = [columns, [":---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _all(found: dict[str, dict], key: str) -> list:
    return [record[key] for record in found.values()]


def _distinct(steps: dict[str, dict], value) -> str:
    """One value where all steps agree, else each with the number of its steps."""
    values = [value(record) for record in steps.values()]
    counts = {one: values.count(one) for one in dict.fromkeys(values)}
    return (
        next(iter(counts), UNKNOWN) if len(counts) < 2 else "; ".join(f"{one} ({n} steps)" for one, n in counts.items())
    )


def _cost(record: dict) -> list[str]:
    return [_seconds(record["wall_seconds"]), _bytes(record["peak_rss_bytes"])]


def _commit(text: str, digits: int = 7) -> str:
    return text[:digits] + (", with changes" if text.endswith(CHANGED) else "")


def _seconds(seconds: float) -> str:
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
