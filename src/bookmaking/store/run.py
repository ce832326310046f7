"""The store: artefacts and numbers of a run, each used only while all that made it is as it was."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
import weakref
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np

from astroclip_book.data.files import lock, matching, read_json, sha256, write_json
from astroclip_book.errors import BookError
from astroclip_book.train import processes
from bookmaking.presets import Preset, flat, located, names_file, preset_names
from bookmaking.store.keys import code_key, code_of, code_of_chapter, difference, digest
from bookmaking.store.provenance import PeakMemory, provenance
from bookmaking.store.recipes import STEPS

MOCK = "mock survey"  # what the data are, unless a file of real pairs replaces the first step's


class Run:
    """What lies in one directory, made of one preset on one device ("cpu" or "cuda").

    ``chapter`` is the stem of the notebook that opened it, ``base`` the preset without the values that this changes.
    """

    def __init__(
        self, preset: Preset, directory: Path, device="cpu", steps=STEPS, chapter="", base: Preset | None = None
    ):
        self.preset, self.base = located(preset), located(base or preset)
        self.directory, self.device, self.steps, self.chapter = Path(directory).absolute(), device, steps, chapter
        self._keys: dict[str, str] = {}
        self._memory, self._since = PeakMemory(), time.perf_counter()
        if chapter:  # watched until this object goes, and not until the kernel ends
            self._memory.__enter__()
            weakref.finalize(self, self._memory.__exit__)

    @property
    def source(self) -> str:
        """What the data are, as figures say it; a release of real data by the name of its file."""
        return f"real data: {Path(self.preset.data.pairs_path).stem}" if self.preset.data.pairs_path else MOCK

    @property
    def manifest(self) -> dict[str, dict]:
        """What is recorded of each step as it was last made; the content of ``manifest.json``."""
        return read_json(self.directory / "manifest.json")

    @property
    def metrics(self) -> dict:
        """Numbers of every step that is up to date, merged; the content of ``metrics.json``."""
        merged: dict = {}
        for name, record in self.manifest.items():
            if name in self.steps and not self.problem(name):
                _merge(merged, record["metrics"])
                merged.setdefault("timing", {})[name] = {"wall_seconds": record["wall_seconds"]}
                merged.setdefault("memory", {})[name] = {"peak_rss_bytes": record["peak_rss_bytes"]}
        return merged

    def pairs(self):
        """The pairs, with their index."""
        from astroclip_book.data.pairs import Index, Pairs

        return Pairs(self.path("pairs.h5"), Index.load(self.path("index.h5")))

    def catalog(self, targetid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """The catalogue's columns for some objects after the published cuts, and how many each cut leaves; {} without a catalogue."""
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

    def problem(self, name: str) -> str | None:
        """Why the results of a step cannot be used as they lie there; None when they can."""
        if self._replaced(name):
            return None
        artefacts, record = self.steps[name].artefacts, self.manifest.get(name)
        what = self.directory / (artefacts[0] if artefacts else f"metrics.json (step '{name}')")
        if record is None:
            return f"{what} has not been made."
        if record["key"] != self.key(name):
            return f"{what} is stale: {difference(record, self._identity(name))}."
        for artefact, size in record["artefacts"].items():
            path = self.directory / artefact
            if not path.is_file():
                return f"{path} is missing."
            if path.stat().st_size != size:
                return f"{path} is damaged: {path.stat().st_size} bytes instead of {size}."
        return None

    def path(self, artefact: str) -> Path:
        """Path of an artefact; BookError, with what to do, unless it is there and belongs to this configuration."""
        name = next((name for name, step in self.steps.items() if artefact in step.artefacts), None)
        if name is None:
            known = ", ".join(artefact for step in self.steps.values() for artefact in step.artefacts)
            raise BookError(f"No step makes '{artefact}'. Artefacts: {known}.")
        if self._replaced(name):
            path = {"pairs.h5": self.preset.data.pairs_path, "catalog.h5": self.preset.data.catalog_path}[artefact]
            if path:
                return Path(path)
            raise BookError("The pairs have no catalogue beside them: give its path as catalog_path.")
        self._require(name)
        return self.directory / artefact

    def make(self, name: str) -> dict:
        """Make the artefacts of a recipe, unless they are up to date, and return its metrics.

        BookError when an artefact it reads is not there, another process is making it, or the disk is full.
        """
        step, first = self.steps[name], processes.rank() == 0
        if self._replaced(name):
            processes.say(f"{name}: nothing to do, the pairs are read from {self.preset.data.pairs_path}")
            return {}
        busy = f"Another process is making step '{name}' in {self.directory}: wait for it."
        guard = lock(self.directory / ".partial" / f"{name}.lock", busy) if first else nullcontext()
        with full_disk_explained(self.directory), guard:
            if processes.agree(self.problem(name)) is None:
                processes.say(f"{name}: up to date")
            else:
                if step.make is None:  # its chapter records it
                    self._require(name)
                for need in step.needs:
                    self._require(need)
                scratch = Path(processes.agree(str(self._scratch(name)) if first else None))
                start = time.perf_counter()
                with PeakMemory() as memory:
                    metrics = step.make(self, scratch) if first or step.parallel else None
                if first:
                    self._keep(name, scratch, metrics or {}, time.perf_counter() - start, memory.peak)
                processes.agree()
        self._begin()
        return self.manifest[name]["metrics"]

    def record(self, name: str, metrics: dict, arrays: dict[str, dict] | None = None) -> None:
        """Keep numbers that a chapter's cells made, and the arrays of each artefact, under the key of these cells."""
        from astroclip_book.data.files import write_hdf5

        for need in self.steps[name].needs:
            self._require(need)
        with full_disk_explained(self.directory):
            scratch = self._scratch(name)
            for file, content in (arrays or {}).items():
                write_hdf5(scratch / file, content)
            self._memory.sample()
            self._keep(name, scratch, metrics, time.perf_counter() - self._since, self._memory.peak)
        self._begin()

    def write(self, records: dict[str, dict | None]) -> None:
        """Write the manifest with other records (None: without one), and ``metrics.json``, which somebody may have deleted or spoilt."""
        with lock(self.directory / ".partial" / "manifest.lock"):
            manifest = {name: record for name, record in (self.manifest | records).items() if record is not None}
            write_json(self.directory / "manifest.json", manifest)
            write_json(self.directory / "metrics.json", self.metrics)

    def _begin(self) -> None:
        """Time and memory count from here for what the chapter's cells record next."""
        self._since, self._memory.peak = time.perf_counter(), 0

    def _keep(self, name: str, scratch: Path, metrics: dict, seconds: float, peak: int) -> None:
        """Move the artefacts to their places; killed on the way, the step counts as not made."""
        step = self.steps[name]
        read = {need: record for need, record in self.manifest.items() if need in step.needs}
        record = {
            "key": self.key(name),
            **self._identity(name),
            "artefacts": {artefact: (scratch / artefact).stat().st_size for artefact in step.artefacts},
            "sha256": {artefact: sha256(scratch / artefact) for artefact in step.artefacts},
            "inputs": {artefact: value for one in read.values() for artefact, value in one["sha256"].items()},
            "metrics": metrics,
            "wall_seconds": round(seconds, 2),
            "peak_rss_bytes": peak,
            "device": self.device,
            "processes": processes.count() if step.parallel else 1,
            **provenance(self.device),
        }
        self.write({name: None})
        for artefact in step.artefacts:
            os.replace(scratch / artefact, self.directory / artefact)
        self.write({name: record})
        shutil.rmtree(scratch)
        processes.say(f"{name}: made in {seconds:.1f} s, peak memory {peak / 2**30:.1f} GiB")

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
        """What the key is made of. Values that a chapter changes count for recipes, and for what itself records."""
        step = self.steps[name]
        if self._replaced(name):
            return {"files": [_stamp(path) for path in vars(self.preset.data).values() if isinstance(path, str)]}
        preset, values = self.preset, step.values
        if not step.make and self.chapter == step.chapter:
            before = flat(asdict(self.base))
            values = (*values, *(place for place, value in flat(asdict(preset)).items() if value != before[place]))
        elif not step.make and self.chapter:
            preset = self.base
        configuration: dict = {"seed": preset.seed}
        for section, _, value in (one.partition(".") for one in values):
            whole = vars(getattr(preset, section))
            configuration.setdefault(section, {}).update({value: whole[value]} if value else whole)
        given = {k: v for k, v in flat(configuration).items() if names_file(k, v)}
        if given:
            configuration["files"] = {k.partition(".")[2]: list(map(_stamp, matching(v))) for k, v in given.items()}
        code, versions = code_key(code_of(step.make) if step.make else code_of_chapter(step.chapter))
        needed = {need: self.key(need) for need in step.needs}
        return {"configuration": configuration, "code": code, "versions": versions, "needs": needed}

    def _require(self, name: str) -> None:
        problem = self.problem(name)
        if problem:
            own = self.preset.name not in preset_names()
            preset = f"<path of your {self.preset.name}.yaml>" if own else self.preset.name
            again = f"Run the chapter {self.steps[name].chapter} with the same values, or `make book PRESET={preset}`."
            raise BookError(f"{problem} {again}")

    def _replaced(self, name: str) -> bool:
        return name == "survey" and self.preset.data.pairs_path is not None


def titled(source: str) -> str:
    """`Run.source` as a line of its own begins: "Mock survey – simulated data", or "Real data: " and the name of the release."""
    return "Mock survey – simulated data" if source == MOCK else source.replace("real", "Real", 1)


def _stamp(path: str | Path) -> list:
    return [str(path), os.stat(path).st_size, os.stat(path).st_mtime_ns]  # what changes when somebody else's file does


def _merge(target: dict, source: dict) -> None:
    for key, value in source.items():
        if isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


@contextmanager
def full_disk_explained(directory: Path):
    """Turn "no space left" into a BookError that says where and what to do: torch and HDF5 do not tell why they fail."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        free = shutil.disk_usage(next(path for path in (directory, *directory.parents) if path.exists())).free
        if getattr(error, "errno", None) != errno.ENOSPC and free > 2**20:
            raise
        raise BookError(
            f"No space left in {directory} ({free / 2**20:.0f} MiB free). "
            "Free some and run again: what is made is kept, and the step resumes."
        ) from error
