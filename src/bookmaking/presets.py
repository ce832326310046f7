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
from mock_survey import Survey

ROOT = Path(__file__).resolve().parents[2]


@section
class Sky:
    """Real observations that a reader has, to compare the survey with."""

    spectra_path: str | None  # .npz with flux, wavelength, redshift
    more_files: str | None  # more of them, a path or a pattern: only their redshifts are compared
    galaxies_path: str | None  # .npz with images, flux, ivar, redshift of the same galaxies
    sample_path: str | None  # real pairs in the release layout, on which the run is measured


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
    for part in (part for part in values.values() if isinstance(part, dict)):
        part.update({key: Path(value).name for key, value in part.items() if names_file(key, value)})
    return yaml.safe_dump(values, sort_keys=False)


def preset_names() -> list[str]:
    """Names of the presets that come with the book."""
    return sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


def load_preset(name: str | Path, **overrides) -> Preset:
    """Read ``presets/<name>.yaml``, or a YAML file with the same keys, and apply overrides.

    These are named by key (``n_galaxies``) where one section alone has that key, or by section and key
    (``image_encoder_epochs``); None leaves the preset's value. BookError for an unknown preset or key, a missing key, or a
    value of the wrong type or out of bounds.
    """
    own, names = str(name).endswith((".yaml", ".yml")), ", ".join(preset_names())
    if not names:
        repository = "the package is there without its repository. Clone that, and install it from there"
        raise BookError(f"There are no presets in {ROOT}: {repository} with `pip install -e .`.")
    path = Path(name) if own else ROOT / "presets" / f"{name}.yaml"
    if not path.is_file():
        missing = f"There is no file {path.absolute()}" if own else f"There is no preset '{name}'"
        raise BookError(f"{missing}. Use one of: {names}; or the path of a YAML file of your own, such as mine.yaml.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BookError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise BookError(f"{path} has no keys with values: copy a file of {ROOT / 'presets'} and change that.")
    for key, value in overrides.items():
        section, name = (None, key) if key == "seed" else _place(key)
        target = values.setdefault(section, {}) if section else values
        if value is not None and isinstance(target, dict):  # otherwise `build` says what is wrong with the section
            target[name] = _plain(value)
    return build(Preset, {"name": path.stem, **values}, str(path))


def _place(key: str) -> tuple[str, str]:
    """Section and name of a value that an override names."""
    kinds = {name: kind for name, kind in typing.get_type_hints(Preset).items() if dataclasses.is_dataclass(kind)}
    keys = [(section, field.name) for section, kind in kinds.items() for field in dataclasses.fields(kind)]
    whole = {f"{section}_{name}": (section, name) for section, name in keys}
    places = [whole[key]] if key in whole else [one for one in keys if one[1] == key]
    if len(places) == 1:
        return places[0]
    if places:
        choices = ", ".join(f"{section}_{name}" for section, name in places)
        raise BookError(f"Parameter '{key}' could mean any of {choices}: name one of these.")
    close = difflib.get_close_matches(key, {*whole, *(name for _, name in keys), "seed"}, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    raise BookError(f"Unknown parameter '{key}'.{hint} Parameters are the keys of presets/*.yaml.")


def _plain(value):
    """A value as YAML would have it: notebooks pass paths, tuples and numpy scalars too."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def flat(tree: dict, prefix: str = "") -> dict:
    """Values of nested dicts by dotted name."""
    found = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def names_file(key: str, value) -> bool:
    """Whether a value is the path or the pattern of a file."""
    return bool(value) and key.endswith(("_path", "_files"))


def located(preset: Preset) -> Preset:
    """With the files that it names absolute: a relative path counts from here or, when nothing is there, from the repository.

    BookError where a file is not there, or a catalogue is named without pairs.
    """
    if preset.data.catalog_path and not preset.data.pairs_path:
        raise BookError("catalog_path is given without pairs_path: the mock survey has a catalogue of its own.")
    for place, given in flat(dataclasses.asdict(preset)).items():
        if not names_file(place, given):
            continue
        here, there = (os.path.abspath(folder / Path(given).expanduser()) for folder in (Path(), ROOT))
        path = there if place.endswith("_path") and not os.path.isfile(here) else here
        if not matching(path):
            kind = "there is no file" if place.endswith("_path") else "no file matches"
            sets = [one for one in (ROOT / "datasets").glob("*.yaml") if Path(path).name in one.read_text("utf-8")]
            remedy = f" Run `make data DATASET={sets[0].stem}`, or give the path of yours." if sets else ""
            raise BookError(f"{place}: {kind} {path}.{remedy}")
        section, _, key = place.partition(".")
        changed = dataclasses.replace(getattr(preset, section), **{key: path})
        preset = dataclasses.replace(preset, **{section: changed})
    return preset
