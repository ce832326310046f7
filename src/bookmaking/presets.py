"""Presets: every hyper-parameter of a run, read from one YAML file and checked where it enters."""

from __future__ import annotations

import dataclasses
import difflib
import os
import typing
from pathlib import Path

import numpy as np
import yaml
from pydantic import NonNegativeInt

from astroclip_book import config
from astroclip_book.config import build, section
from astroclip_book.data.files import matching
from astroclip_book.errors import BookError
from mock_survey.config import Survey

ROOT = Path(__file__).resolve().parents[2]


@section
class Sky:
    """Real observations that a reader has, to compare the survey with."""

    spectra_path: str | None  # .npz with flux, wavelength, redshift
    images_path: str | None  # .npz with images, or a file in the release layout


@section
class Own:
    """Galaxies of a reader's own, to look up in the run."""

    spectra_files: str | None  # a path, or a pattern such as night/*.fits: DESI coadds, SDSS spec-*.fits, .npz
    image_files: str | None  # likewise: cut-outs of the Legacy Surveys, .npz


@section
class Preset:
    """One run: sections of hyper-parameters and the seed that all random draws descend from."""

    name: str
    seed: NonNegativeInt
    survey: Survey
    data: config.Data
    image_encoder: config.ImageEncoder
    spectrum_encoder: config.SpectrumEncoder
    features: config.Features
    comparison: config.Comparison
    alignment: config.Alignment
    ablations: config.Ablations
    evaluation: config.Evaluation
    analysis: config.Analysis
    sky: Sky
    own: Own


def as_yaml(preset: Preset) -> str:
    """The values of a run as a preset's file has them, with the names of files in the place of their paths."""
    values = dataclasses.asdict(preset)
    del values["name"]
    for keys in filter(lambda value: isinstance(value, dict), values.values()):
        keys |= {key: Path(value).name for key, value in keys.items() if key.endswith(("_path", "_files")) and value}
    return yaml.safe_dump(values, sort_keys=False)


def preset_names() -> list[str]:
    """Names of the presets that come with the book."""
    return sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


def load_preset(name: str | Path, **overrides) -> Preset:
    """Read ``presets/<name>.yaml`` and apply overrides.

    Parameters
    ----------
    name : str or Path
        Name of a preset, or path of a YAML file with the same keys.
    **overrides
        New values, named by key (``n_galaxies``) where one section alone has that key, or by
        section and key (``image_encoder_epochs``). ``None`` leaves the preset's value.

    Raises
    ------
    BookError
        For an unknown preset or key, a missing key, or a value of the wrong type or out of bounds.
    """
    own = str(name).endswith((".yaml", ".yml"))
    path = Path(name) if own else ROOT / "presets" / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(preset_names())
        if not names:
            raise BookError(
                f"There are no presets in {ROOT}: the package is there without its repository. "
                "Clone that, and install it from there with `pip install -e .`."
            )
        missing = f"There is no file {path.absolute()}" if own else f"There is no preset '{name}'"
        raise BookError(f"{missing}. Use one of: {names}; or the path of a YAML file of your own, such as mine.yaml.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BookError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise BookError(f"{path} has no keys with values: copy a file of {ROOT / 'presets'} and change that.")
    for key, value in overrides.items():
        if value is None:
            continue
        value = _plain(value)
        if key == "seed":
            values["seed"] = value
            continue
        where, name = place(key)
        if isinstance(values.setdefault(where, {}), dict):  # otherwise `build` says what is wrong with the section
            values[where][name] = value
    return build(Preset, {"name": path.stem, **values}, str(path))


def place(key: str) -> tuple[str, str]:
    """Section and name of a value that an override names.

    Raises
    ------
    BookError
        Where no section has it, or several have.
    """
    sections = typing.get_type_hints(Preset).items()
    keys = [
        (name, f.name) for name, kind in sections if dataclasses.is_dataclass(kind) for f in dataclasses.fields(kind)
    ]
    exact = [(s, k) for s, k in keys if key == f"{s}_{k}"]
    places = exact or [(s, k) for s, k in keys if key == k]
    if not places:
        close = difflib.get_close_matches(key, {k for _, k in keys} | {f"{s}_{k}" for s, k in keys} | {"seed"}, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise BookError(f"Unknown parameter '{key}'.{hint} Parameters are the keys of presets/*.yaml.")
    if len(places) > 1:
        choices = ", ".join(f"{s}_{k}" for s, k in places)
        raise BookError(f"Parameter '{key}' could mean any of {choices}: name one of these.")
    return places[0]


def _plain(value):
    """A value as YAML would have it: notebooks pass paths, tuples and numpy scalars too."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def changed(base: Preset, preset: Preset) -> list[str]:
    """Names of the values in which a preset differs."""
    sections = [
        (name, vars(one), vars(getattr(base, name))) for name, one in vars(preset).items() if hasattr(one, "__dict__")
    ]
    return [f"{name}.{key}" for name, new, old in sections for key in new if new[key] != old[key]]


def names_file(key: str, value) -> bool:
    """Whether a value is the path or the pattern of a file."""
    return bool(value) and key.endswith(("_path", "_files"))


def located(preset: Preset) -> Preset:
    """With the files that it names absolute: a relative path counts from here or, when nothing is there, from the repository.

    Raises
    ------
    BookError
        Where a file is not there, or a catalogue is named without pairs.
    """
    if preset.data.catalog_path and not preset.data.pairs_path:
        raise BookError("catalog_path is given without pairs_path: the mock survey has a catalogue of its own.")
    sections = {}
    for name, values in vars(preset).items():
        for key, given in getattr(values, "__dict__", {}).items():
            if names_file(key, given):
                here, there = (os.path.abspath(place / Path(given).expanduser()) for place in (Path(), ROOT))
                path = there if key.endswith("_path") and not os.path.isfile(here) else here
                if not matching(path):
                    kind = "there is no file" if key.endswith("_path") else "no file matches"
                    raise BookError(f"{name}.{key}: {kind} {path}.{_remedy(Path(path))}")
                sections[name] = dataclasses.replace(sections.get(name, values), **{key: path})
    return dataclasses.replace(preset, **sections)


def _remedy(path: Path) -> str:
    sets = [one for one in (ROOT / "datasets").glob("*.yaml") if path.name in one.read_text(encoding="utf-8")]
    return f" Run `make data DATASET={sets[0].stem}`, or give the path of yours." if sets else ""
