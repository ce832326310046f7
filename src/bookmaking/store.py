"""The store: artefacts and numbers of a run, each used only while all that made it is as it was."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from astroclip_book.config import choose_device
from astroclip_book.data.files import full_disk_explained, lock, matching, read_json, sha256, write_json
from astroclip_book.errors import BookError
from astroclip_book.train import processes
from bookmaking.keys import code_key, code_of, code_of_chapter, digest
from bookmaking.memory import PeakMemory
from bookmaking.presets import ROOT, Preset, load_preset, preset_names
from bookmaking.provenance import provenance
from bookmaking.recipes import STEPS, Step

MOCK = "mock survey"  # what the data are, unless a file of real pairs replaces the first step's
FIRST = "01_mock_survey"  # the chapter that chooses seed and data


class Run:
    """What lies in one directory, made of one preset.

    Parameters
    ----------
    preset : Preset
    directory : Path
    device : str
        "cpu" or "cuda".
    steps : dict of str to Step
    chapter, base : str and Preset, optional
        The chapter that opened the run, and the preset without the values that this chapter changes.

    Raises
    ------
    BookError
        When a path or a pattern of the preset names no file.
    """

    def __init__(
        self,
        preset: Preset,
        directory: Path,
        device: str = "cpu",
        steps: dict[str, Step] = STEPS,
        chapter: str | None = None,
        base: Preset | None = None,
    ):
        self.preset, self.base = _located(preset), _located(base or preset)
        self.directory, self.device, self.steps, self.chapter = Path(directory).absolute(), device, steps, chapter
        self._keys: dict[str, str] = {}
        self._read: tuple = (None, {})
        self._memory, self._since = PeakMemory().start() if chapter else None, time.perf_counter()

    @property
    def source(self) -> str:
        """What the data are, as figures say it; a release of real data by the name of its file."""
        return f"real data: {Path(self.preset.data.pairs_path).stem}" if self.preset.data.pairs_path else MOCK

    @property
    def metrics(self) -> dict:
        """Numbers of every step that is up to date, merged; the content of ``metrics.json``."""
        merged: dict = {}
        for name in self._manifest():
            if name in self.steps and not self.problem(name):
                record = self._manifest()[name]
                _merge(merged, record["metrics"])
                _merge(merged, {"timing": {name: {"wall_seconds": record["wall_seconds"]}}})
                _merge(merged, {"memory": {name: {"peak_rss_bytes": record["peak_rss_bytes"]}}})
        return merged

    def pairs(self):
        """The pairs of the run, with their index."""
        from astroclip_book.data.pairs import Index, Pairs

        return Pairs(self.path("pairs.h5"), Index.load(self.path("index.h5")))

    def catalog(self, targetid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """The catalogue's columns for some objects, masses after the published cuts, and how many objects each cut leaves; nothing
        where real pairs were given without a catalogue."""
        from astroclip_book.data.catalog import believed, read_catalog

        if self.preset.data.pairs_path and not self.preset.data.catalog_path:
            return {}, {}
        return believed(read_catalog(self.path("catalog.h5"), targetid))

    def truth(self, targetid: np.ndarray) -> dict[str, np.ndarray]:
        """The columns alone."""
        return self.catalog(targetid)[0]

    def labels(self, index) -> dict[str, np.ndarray]:
        """Redshift, and stellar mass where it is known, of the objects of an index."""
        from astroclip_book.data.catalog import labels

        return labels(index, self.truth(index.targetid))

    def key(self, name: str) -> str:
        """Hash of all that decides a step's result: seed, values, code, versions, and the keys of what it needs."""
        if name not in self._keys:
            self._keys[name] = digest(json.dumps([name, self._identity(name)], sort_keys=True))
        return self._keys[name]

    def made(self, name: str) -> dict | None:
        """What the manifest says of a step as it was last made; None where it never was."""
        return copy.deepcopy(self._manifest().get(name))

    def problem(self, name: str) -> str | None:
        """Why the results of a step cannot be used as they lie there; None when they can."""
        if self._replaced(name):
            return None
        what = str(self.directory / (self.steps[name].artefacts or (f"metrics.json (step '{name}')",))[0])
        record = self._manifest().get(name)
        if record is None:
            return f"{what} has not been made."
        if record["key"] != self.key(name):
            return f"{what} is stale: {self._difference(name, record)}."
        for artefact, size in record["artefacts"].items():
            path = self.directory / artefact
            if not path.is_file():
                return f"{path} is missing."
            if path.stat().st_size != size:
                return f"{path} is damaged: {path.stat().st_size} bytes instead of {size}."
        return None

    def path(self, artefact: str) -> Path:
        """Path of an artefact, checked to be there and to belong to this configuration.

        Raises
        ------
        BookError
            When it is missing, stale or damaged; the message says what makes it.
        """
        name = next((name for name, step in self.steps.items() if artefact in step.artefacts), None)
        if name is None:
            known = ", ".join(artefact for step in self.steps.values() for artefact in step.artefacts)
            raise BookError(f"No step makes '{artefact}'. Artefacts: {known}.")
        if self._replaced(name):
            path = {"pairs.h5": self.preset.data.pairs_path, "catalog.h5": self.preset.data.catalog_path}[artefact]
            if path is None:
                raise BookError("The pairs have no catalogue beside them: give its path as catalog_path.")
            return Path(path)
        self._require(name)
        return self.directory / artefact

    def chain(self, target: str) -> list[str]:
        """A recipe, given by its name or an artefact of it, after all that it needs.

        Raises
        ------
        BookError
            For what no recipe makes, or what several processes cannot make.
        """
        wanted = {name for name, step in self.steps.items() if step.make and target in (name, *step.artefacts)}
        if not wanted:
            known = ", ".join(name for name, step in self.steps.items() if step.make)
            raise BookError(f"No recipe makes '{target}'. Recipes: {known}.")
        if processes.count() > 1 and not any(self.steps[name].parallel for name in wanted):
            raise BookError(f"'{target}' is made by one process: start it without torchrun.")
        for name in reversed(self.steps):
            wanted |= set(self.steps[name].needs) if name in wanted else set()
        return [name for name in self.steps if name in wanted]

    def make(self, name: str) -> dict:
        """Make the artefacts of a recipe, unless they are up to date, and return its metrics.

        Raises
        ------
        BookError
            When an artefact it reads is not there, another process is making it, or the disk is full.
        """
        step, first = self.steps[name], processes.rank() == 0
        if self._replaced(name):
            _say(f"{name}: nothing to do, the pairs are read from {self.preset.data.pairs_path}")
            return {}
        busy = f"Another process is making step '{name}' in {self.directory}: wait for it."
        guard = lock(self.directory / ".partial" / f"{name}.lock", busy) if first else nullcontext()
        with full_disk_explained(self.directory), guard:
            if processes.agree(self.problem(name)) is None:
                _say(f"{name}: up to date")
            else:
                for need in step.needs if step.make else (name,):  # a result is refused: its chapter records it
                    self._require(need)
                scratch, start = Path(processes.agree(str(self._scratch(name)) if first else None)), time.perf_counter()
                with PeakMemory() as memory:
                    metrics = step.make(self, scratch) if first or step.parallel else None
                if first:
                    self._keep(name, scratch, metrics or {}, time.perf_counter() - start, memory.peak)
                processes.agree()
        self._begin()
        return self.made(name)["metrics"]

    def record(self, name: str, metrics: dict, arrays: dict[str, dict] | None = None) -> dict:
        """Keep the numbers that a chapter's cells made, under the key of these cells, and return them.

        Parameters
        ----------
        name : str
            A step without a function.
        metrics : dict
            Nested; merged into ``metrics.json``.
        arrays : dict of str to dict, optional
            Each artefact's arrays.
        """
        from astroclip_book.data.hdf5 import write_hdf5

        for need in self.steps[name].needs:
            self._require(need)
        with full_disk_explained(self.directory):
            scratch = self._scratch(name)
            for file, content in (arrays or {}).items():
                write_hdf5(scratch / file, content)
            memory = self._memory or PeakMemory()
            memory.sample()
            self._keep(name, scratch, metrics, time.perf_counter() - self._since, memory.peak)
        self._begin()
        return metrics

    def write_metrics(self) -> None:
        """Write ``metrics.json`` as the manifest has it: somebody may have deleted or spoilt it since the last step was made."""
        if self._manifest():
            with lock(self.directory / ".partial" / "manifest.lock"):
                write_json(self.directory / "metrics.json", self.metrics)

    def _begin(self) -> None:
        """Time and memory of what the chapter's cells do from now on count for what they record next."""
        self._since = time.perf_counter()
        if self._memory:
            self._memory.peak = 0

    def _keep(self, name: str, scratch: Path, metrics: dict, seconds: float, peak: int) -> None:
        """Move the artefacts to their places; killed on the way, the step counts as not made."""
        step = self.steps[name]
        inputs = {
            file: value for need in step.needs for file, value in (self.made(need) or {}).get("sha256", {}).items()
        }
        record = {
            "key": self.key(name),
            **self._identity(name),
            "artefacts": {artefact: (scratch / artefact).stat().st_size for artefact in step.artefacts},
            "sha256": {artefact: sha256(scratch / artefact) for artefact in step.artefacts},
            "inputs": inputs,
            "metrics": metrics,
            "wall_seconds": round(seconds, 2),
            "peak_rss_bytes": peak,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "device": self.device,
            "processes": processes.count() if step.parallel else 1,
            **provenance(self.device),
        }
        self._write(name, None)
        for artefact in step.artefacts:
            os.replace(scratch / artefact, self.directory / artefact)
        self._write(name, record)
        shutil.rmtree(scratch)
        _say(f"{name}: made in {seconds:.1f} s, peak memory {peak / 2**30:.1f} GiB")

    def _write(self, name: str, record: dict | None) -> None:
        with lock(self.directory / ".partial" / "manifest.lock"):
            manifest = {**self._manifest(), name: record}
            write_json(self.directory / "manifest.json", {k: v for k, v in manifest.items() if v is not None})
            write_json(self.directory / "metrics.json", self.metrics)

    def _manifest(self) -> dict:
        path = self.directory / "manifest.json"
        stamp = [path.stat().st_ino, *_stamp(path)] if path.is_file() else None
        if stamp is None or stamp != self._read[0]:
            self._read = (stamp, read_json(path))
        return self._read[1]

    def _scratch(self, name: str) -> Path:
        """Where a step works: what a killed call left there, if it had the same key."""
        scratch = self.directory / ".partial" / name
        mark = scratch / "key"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != self.key(name):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            mark.write_text(self.key(name), encoding="utf-8")
        return scratch

    def _identity(self, name: str) -> dict:
        """What the key is made of. The values that a chapter changes count for recipes, and for what itself records."""
        step = self.steps[name]
        if self._replaced(name):
            return {
                "files": [[path, *_stamp(path)] for path in vars(self.preset.data).values() if isinstance(path, str)]
            }
        preset, values = self.preset, step.values
        if not step.make and self.chapter == step.chapter:
            values = (*values, *_changed(self.base, self.preset))
        elif not step.make and self.chapter:
            preset = self.base
        configuration: dict = {"seed": preset.seed}
        for section, _, value in (name.partition(".") for name in values):
            whole = vars(getattr(preset, section))
            configuration.setdefault(section, {}).update({value: whole[value]} if value else whole)
        files = {
            key: [[str(one), *_stamp(one)] for one in matching(value)]
            for section in list(configuration.values())[1:]
            for key, value in section.items()
            if key.endswith(("_path", "_files")) and value
        }
        tree = code_of(step.make) if step.make else code_of_chapter(step.chapter)
        code, versions = code_key(tree)
        return {
            "configuration": {**configuration, **({"files": files} if files else {})},
            "code": code,
            "versions": versions,
            "needs": {need: self.key(need) for need in step.needs},
        }

    def _difference(self, name: str, record: dict) -> str:
        now = self._identity(name)
        for part in ("configuration", "versions"):
            before, after = _flat(record.get(part, {})), _flat(now[part])
            for key in sorted(before.keys() | after.keys()):
                if before.get(key) != after.get(key):
                    return f"made with {key} = {before.get(key)!r}, now {after.get(key)!r}"
        if record["code"] != now["code"]:
            return "the code that makes it changed"
        return f"its input '{next(need for need, key in now['needs'].items() if record['needs'].get(need) != key)}' changed"

    def _require(self, name: str) -> None:
        problem = self.problem(name)
        if problem:
            preset = (
                self.preset.name if self.preset.name in preset_names() else f"<path of your {self.preset.name}.yaml>"
            )
            raise BookError(
                f"{problem} Run the chapter {self.steps[name].chapter} with the same values, or `make book PRESET={preset}`."
            )

    def _replaced(self, name: str) -> bool:
        return name == "survey" and self.preset.data.pairs_path is not None


def open_run(
    namespace: dict | None = None,
    *,
    chapter: str | None = None,
    preset: str | Path = "laptop",
    run_dir: str | Path | None = None,
    device: str = "auto",
    **values,
) -> Run:
    """Open the run of a notebook.

    Parameters
    ----------
    namespace : dict, optional
        The notebook's variables.
    chapter : str, optional
        Stem of the notebook.
    preset : str or Path
        A name, or a YAML file.
    run_dir : str or Path, optional
        By default ``runs/<preset>``.
    device : str
        "auto", "cpu" or "cuda".
    **values
        In place of the preset's of that name; None leaves it. Seed and data are those that the first chapter was executed with.

    Raises
    ------
    BookError
        For an unknown preset, parameter or device, or a value of another kind.
    """
    if namespace is not None:
        simple = [k for k, v in namespace.items() if isinstance(v, (str, int, float)) and not k.startswith("_")]
        # Remembered, so that the cell can be run again after later cells made variables of their own.
        names = namespace.setdefault("_parameters", simple)
        return open_run(**{name: namespace[name] for name in names if name != "chapter"})
    _draw_as_the_book()
    preset = os.fspath(preset)
    values = {name: value for name, value in values.items() if value is not None}
    directory = Path(run_dir or ROOT / "runs" / Path(preset).stem)
    common = {name: values[name] for name in ("seed", "pairs_path", "catalog_path") if name in values}
    if chapter != FIRST and chapter is not None:
        made = read_json(directory / "manifest.json").get("index", {}).get("configuration", {})
        kept = {
            "seed": made.get("seed"),
            **{name: made.get("data", {}).get(name) for name in ("pairs_path", "catalog_path")},
        }
        common = {name: value for name, value in kept.items() if value is not None} | common
    return Run(
        load_preset(preset, **common | values),
        directory,
        choose_device(device),
        chapter=chapter,
        base=load_preset(preset, **common),
    )


def titled(source: str) -> str:
    """`Run.source` as a line of its own begins: "Mock survey – simulated data", or "Real data: " and the name of the release."""
    return "Mock survey – simulated data" if source == MOCK else source.replace("real", "Real", 1)


def _draw_as_the_book() -> None:
    """In a kernel, figures appear below their cells and as matplotlib draws them by default, whatever the user's settings are."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        import matplotlib

        matplotlib.rcdefaults()
        shell.run_line_magic("matplotlib", "inline")


def _changed(base: Preset, preset: Preset) -> list[str]:
    """Names of the values in which a preset differs."""
    sections = [
        (name, vars(one), vars(getattr(base, name))) for name, one in vars(preset).items() if hasattr(one, "__dict__")
    ]
    return [f"{name}.{key}" for name, new, old in sections for key in new if new[key] != old[key]]


def _located(preset: Preset) -> Preset:
    """With the files that it names absolute: a relative path counts from here or, when nothing is there, from the repository."""
    if preset.data.catalog_path and not preset.data.pairs_path:
        raise BookError("catalog_path is given without pairs_path: the mock survey has a catalogue of its own.")
    changed = {}
    for section, values in vars(preset).items():
        given = {
            key: value for key, value in getattr(values, "__dict__", {}).items() if value and isinstance(value, str)
        }
        paths = {key: _found(value) for key, value in given.items() if key.endswith("_path")}
        for key, path in paths.items():
            if not path.is_file():
                raise BookError(f"{section}.{key}: there is no file {path}.{_remedy(path)}")
        paths |= {
            key: os.path.abspath(os.path.expanduser(value)) for key, value in given.items() if key.endswith("_files")
        }
        for key, pattern in paths.items():
            if not matching(str(pattern)):
                raise BookError(f"{section}.{key}: no file matches {pattern}.")
        if paths:
            changed[section] = dataclasses.replace(values, **{key: str(path) for key, path in paths.items()})
    return dataclasses.replace(preset, **changed)


def _found(path: str) -> Path:
    here = Path(path).expanduser().resolve()
    return here if here.is_file() else (ROOT / Path(path).expanduser()).resolve()


def _remedy(path: Path) -> str:
    sets = [one for one in (ROOT / "datasets").glob("*.yaml") if path.name in one.read_text(encoding="utf-8")]
    return f" Run `make data DATASET={sets[0].stem}`, or give the path of yours." if sets else ""


def _say(text: str) -> None:
    if processes.rank() == 0:
        print(text)


def _stamp(path: str | Path) -> list[int]:
    """What changes when somebody else's file does."""
    return [os.stat(path).st_size, os.stat(path).st_mtime_ns]


def _merge(target: dict, source: dict) -> None:
    for key, value in source.items():
        if isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def _flat(tree: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
