"""A run: one directory of artefacts, each made by one step from one configuration, and the record of how."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import psutil

from astroclip_book.config import choose_device
from astroclip_book.data.files import full_disk_explained, lock, matching, read_json, sha256, write_json
from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.errors import BookError
from astroclip_book.train import processes
from bookmaking.fingerprint import chapter_hash, code_hash, digest
from bookmaking.memory import PeakMemory
from bookmaking.presets import ROOT, Preset, load_preset, preset_names
from bookmaking.provenance import provenance
from real_sky.download import load_dataset

SURVEY = "survey"  # the one step that a file of real pairs replaces
MOCK = "mock survey"  # what the data are without one


@dataclass(frozen=True)
class Step:
    """One arrow of the book's data flow.

    ``function`` is named, not imported, so that keys are known without loading torch. It is called as
    ``function(run, scratch)``, writes its artefacts into the directory ``scratch`` under their final names and
    returns its metrics, a nested dict or None. After a kill it is called again with the same ``scratch``: what
    lies there was made with the same configuration and code, so it may resume.
    """

    name: str
    function: str  # "package.module:function"
    artefacts: tuple[str, ...]  # file names in the run directory; () for a step that gives numbers only
    sections: tuple[str, ...]  # sections of the preset that it reads, beside the seed
    needs: tuple[str, ...]  # steps whose artefacts it reads
    chapter: str  # stem of the notebook that makes it
    parallel: bool = False  # whether all processes of torchrun work on it; else the first alone


class Run:
    """Artefacts of one preset in one directory.

    Parameters
    ----------
    preset : Preset
    directory : Path
        Where the artefacts lie; made when missing.
    device : str
        "cpu" or "cuda", for the steps to use.
    steps : dict of str to Step, optional
        By default ``pipeline.STEPS``.

    Raises
    ------
    BookError
        When ``data.catalog_path`` is given without ``data.pairs_path``, or a path or a pattern of the preset names no file.
    """

    def __init__(self, preset: Preset, directory: Path, device: str = "cpu", steps: dict[str, Step] | None = None):
        if steps is None:
            from bookmaking.pipeline import STEPS as steps  # pipeline imports Step from here
        self.preset = _with_absolute_paths(preset)
        self.directory = Path(directory).absolute()
        self.device = device
        self.steps = steps
        self._keys: dict[str, str] = {}
        self._opened = time.perf_counter()

    @property
    def source(self) -> str:
        """What the data are, as figures say it; a release of real data by the name of its file."""
        return f"real data: {Path(self.preset.data.pairs_path).stem}" if self.preset.data.pairs_path else MOCK

    @property
    def metrics(self) -> dict:
        """Numbers of every step that is up to date, merged; the content of ``metrics.json``."""
        merged: dict = {}
        for name, record in self._manifest().items():
            if name in self.steps and not self.problem(name):
                _merge(merged, record["metrics"])
                _merge(merged, {"timing": {name: {"wall_seconds": record["wall_seconds"]}}})
                _merge(merged, {"memory": {name: {"peak_rss_bytes": record["peak_rss_bytes"]}}})
        return merged

    def key(self, name: str) -> str:
        """Hash of all that decides a step's result: configuration, seed, code, and the keys of what it needs."""
        if name not in self._keys:
            identity = self._files() if self._replaced(name) else self._identity(name)
            self._keys[name] = digest(json.dumps([name, identity], sort_keys=True))
        return self._keys[name]

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

    def made(self, name: str) -> dict | None:
        """What the manifest says of a step as it was last made; None where it never was."""
        return self._manifest().get(name)

    def path(self, artefact: str) -> Path:
        """Path of an artefact, checked to be there and to belong to this configuration.

        Raises
        ------
        BookError
            When it is missing, stale or damaged; the message says what makes it.
        """
        name = next((step.name for step in self.steps.values() if artefact in step.artefacts), None)
        if name is None:
            raise BookError(f"No step makes '{artefact}'. Artefacts: {', '.join(self._artefacts())}.")
        if self._replaced(name):
            path = self._replacements()[artefact]
            if path is None:
                raise BookError("The pairs have no catalogue beside them: give its path as catalog_path.")
            return Path(path)
        self._require(name)
        return self.directory / artefact

    def make(self, name: str) -> dict:
        """Make the artefacts of one step, unless they are up to date, and return its metrics.

        Raises
        ------
        BookError
            When an artefact it reads is not there, another process is making it, or the disk is full.
        """
        if self._replaced(name):
            _say(f"{name}: nothing to do, the pairs are read from {self.preset.data.pairs_path}")
            return {}
        busy = f"Another process is making step '{name}' in {self.directory}: wait for it."
        first = processes.rank() == 0
        guard = lock(self.directory / ".partial" / f"{name}.lock", busy) if first else nullcontext()
        with full_disk_explained(self.directory), guard:
            if processes.agree(self.problem(name)) is None:
                _say(f"{name}: up to date")
            else:
                for need in self.steps[name].needs:
                    self._require(need)
                if not self.steps[name].function:
                    self._require(name)
                self._execute(name)
        return self._manifest()[name]["metrics"]

    def record(self, name: str, metrics: dict, arrays: dict[str, dict] | None = None) -> dict:
        """Keep the numbers that a chapter's cells made, under the key of these cells, and return them.

        Parameters
        ----------
        name : str
            A step without a function of its own.
        metrics : dict
            Nested; merged into ``metrics.json``.
        arrays : dict of str to dict, optional
            File name to its arrays, for figures of the same chapter.
        """
        for need in self.steps[name].needs:
            self._require(need)
        scratch = self._scratch(name)
        for file, content in (arrays or {}).items():
            write_hdf5(scratch / file, content)
        self._keep(name, scratch, metrics, time.perf_counter() - self._opened, psutil.Process().memory_info().rss)
        return metrics

    def write_metrics(self) -> None:
        """Write ``metrics.json`` as the manifest has it: somebody may have deleted or spoilt it since the last step was made."""
        if self._manifest():
            with lock(self.directory / ".partial" / "manifest.lock"):
                write_json(self.directory / "metrics.json", self.metrics)

    def _execute(self, name: str) -> None:
        step, first = self.steps[name], processes.rank() == 0
        scratch = Path(processes.agree(str(self._scratch(name)) if first else None))
        start = time.perf_counter()
        with PeakMemory() as memory:
            metrics = _function(step)(self, scratch) if first or step.parallel else None
        if first:
            self._keep(name, scratch, metrics or {}, time.perf_counter() - start, memory.peak)
        processes.agree()

    def _keep(self, name: str, scratch: Path, metrics: dict, seconds: float, peak: int) -> None:
        step = self.steps[name]
        record = {
            "key": self.key(name),
            **self._identity(name),
            "artefacts": {artefact: (scratch / artefact).stat().st_size for artefact in step.artefacts},
            "sha256": {artefact: sha256(scratch / artefact) for artefact in step.artefacts},
            "inputs": self._inputs(name),
            "metrics": metrics,
            "wall_seconds": round(seconds, 2),
            "peak_rss_bytes": peak,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "device": self.device,
            "processes": processes.count() if step.parallel else 1,
            **provenance(self.device),
        }
        self._record(name, None)  # killed between here and the end, the step counts as not made
        for artefact in step.artefacts:
            os.replace(scratch / artefact, self.directory / artefact)
        self._record(name, record)
        shutil.rmtree(scratch)
        _say(f"{name}: made in {seconds:.1f} s, peak memory {peak / 2**30:.1f} GiB")

    def _scratch(self, name: str) -> Path:
        scratch = self.directory / ".partial" / name
        mark = scratch / "key"
        if not mark.is_file() or mark.read_text() != self.key(name):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            mark.write_text(self.key(name))
        return scratch

    def _identity(self, name: str) -> dict:
        step = self.steps[name]
        sections = {section: dataclasses.asdict(getattr(self.preset, section)) for section in step.sections}
        values = {key: value for section in sections.values() for key, value in section.items()}
        files = {key: _stamp(value) for key, value in values.items() if key.endswith("_path") and value}
        patterns = {key: value for key, value in values.items() if key.endswith("_files") and value}
        files |= {key: [[str(path), *_stamp(path)] for path in matching(value)] for key, value in patterns.items()}
        return {
            "configuration": {"seed": self.preset.seed, **sections, **({"files": files} if files else {})},
            "code": code_hash({step.function.partition(":")[0]}) if step.function else chapter_hash(ROOT, step.chapter),
            "needs": {need: self.key(need) for need in step.needs},
        }

    def _inputs(self, name: str) -> dict[str, str]:
        """Hashes of the artefacts that a step reads, as they lie there now."""
        records = [self.made(need) or {} for need in self.steps[name].needs]
        return {artefact: value for record in records for artefact, value in record.get("sha256", {}).items()}

    def _difference(self, name: str, record: dict) -> str:
        now = self._identity(name)
        before, after = _flat(record["configuration"]), _flat(now["configuration"])
        reasons = [
            f"made with {key} = {before.get(key)!r}, now {after.get(key)!r}"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
        if record["code"] != now["code"]:
            reasons.append("the code that makes it changed")
        for need, key in now["needs"].items():
            if record["needs"].get(need) != key:
                reasons.append(self._input_changed(need))
        return "; ".join(reasons)

    def _input_changed(self, need: str) -> str:
        record = self._manifest().get(need)
        if record is None or record["key"] == self.key(need):
            return f"its input '{need}' changed"
        return f"its input '{need}' changed ({self._difference(need, record)})"

    def _require(self, name: str) -> None:
        problem = self.problem(name)
        if problem:
            preset = (
                self.preset.name if self.preset.name in preset_names() else f"<path of your {self.preset.name}.yaml>"
            )
            raise BookError(
                f"{problem} Run the chapter {self.steps[name].chapter} with the same values, or `make book PRESET={preset}`."
            )

    def _manifest(self) -> dict:
        return read_json(self.directory / "manifest.json")

    def _record(self, name: str, record: dict | None) -> None:
        with lock(self.directory / ".partial" / "manifest.lock"):
            manifest = {**self._manifest(), name: record}
            write_json(self.directory / "manifest.json", {k: v for k, v in manifest.items() if v is not None})
            write_json(self.directory / "metrics.json", self.metrics)

    def _artefacts(self) -> list[str]:
        return [artefact for step in self.steps.values() for artefact in step.artefacts]

    def _replaced(self, name: str) -> bool:
        return name == SURVEY and self.preset.data.pairs_path is not None

    def _replacements(self) -> dict[str, str | None]:
        return {"pairs.h5": self.preset.data.pairs_path, "catalog.h5": self.preset.data.catalog_path}

    def _files(self) -> list:
        return [[path, *_stamp(path)] for path in self._replacements().values() if path]


def titled(source: str) -> str:
    """`Run.source` as a line of its own begins: "Mock survey – simulated data", or "Real data: " and the name of the release."""
    return "Mock survey – simulated data" if source == MOCK else source.replace("real", "Real", 1)


def open_run(namespace: dict | None = None, *, chapter: str | None = None, **given) -> Run:
    """Open the run that a notebook's parameters describe.

    Parameters
    ----------
    namespace : dict, optional
        The notebook's variables.
    chapter : str, optional
        Stem of the notebook, for what it records.
    **given
        ``preset``, ``run_dir`` and ``device`` choose the run: a name or a YAML file, a directory (None: ``runs/<preset>``), "auto",
        "cpu" or "cuda". Other values override the preset's of that name; None leaves it.

    Raises
    ------
    BookError
        For an unknown preset, parameter or device.
    """
    if namespace is not None:
        simple = [k for k, v in namespace.items() if isinstance(v, (str, int, float)) and not k.startswith("_")]
        # Remembered, so that the cell can be run again after later cells made variables of their own.
        names = namespace.setdefault("_parameters", simple)
        given = {name: namespace[name] for name in names}
    name, directory, device = given.pop("preset", "laptop"), given.pop("run_dir", None), given.pop("device", "auto")
    preset = load_preset(name, **given)
    return Run(preset, Path(directory or ROOT / "runs" / preset.name), choose_device(device))


def _with_absolute_paths(preset: Preset) -> Preset:
    if preset.data.catalog_path and not preset.data.pairs_path:
        raise BookError("catalog_path is given without pairs_path: the mock survey has a catalogue of its own.")
    sections = {name: getattr(preset, name) for name in ("data", "image_encoder", "spectrum_encoder", "sky")}
    for name, section in sections.items():
        given = {field: value for field, value in vars(section).items() if field.endswith("_path") and value}
        paths = {field: _found(value) for field, value in given.items()}
        for field, path in paths.items():
            if not path.is_file():
                raise BookError(f"{name}.{field}: there is no file {path}.{_remedy(path)}")
        sections[name] = dataclasses.replace(section, **{field: str(path) for field, path in paths.items()})
    patterns = {field: os.path.abspath(os.path.expanduser(value)) for field, value in vars(preset.own).items() if value}
    for field, pattern in patterns.items():
        if not matching(pattern):
            raise BookError(f"own.{field}: no file matches {pattern}.")
    return dataclasses.replace(preset, own=dataclasses.replace(preset.own, **patterns), **sections)


def _found(path: str) -> Path:
    """Where a file of the preset lies: a relative path counts from here or, when nothing is there, from the repository."""
    here = Path(path).expanduser().resolve()
    return here if here.is_file() else (ROOT / Path(path).expanduser()).resolve()


def _remedy(path: Path) -> str:
    for dataset in (ROOT / "datasets").glob("*.yaml"):
        if path.name in {source.file for source in load_dataset(dataset.stem).values()}:
            return f" Run `make data DATASET={dataset.stem}`, or give the path of yours."
    return ""


def _say(text: str) -> None:
    if processes.rank() == 0:
        print(text)


def _stamp(path: str | Path) -> list[int]:
    """What changes when somebody else's file does."""
    return [os.stat(path).st_size, os.stat(path).st_mtime_ns]


def _function(step: Step):
    module, _, name = step.function.partition(":")
    return getattr(importlib.import_module(module), name)


def _merge(target: dict, source: dict) -> None:
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _flat(tree: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
