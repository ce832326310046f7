"""Presets: every hyper-parameter of a run, read from one YAML file and checked where it enters."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from dataclasses import dataclass
from pathlib import Path

import yaml

from astroclip_book.config import (
    Ablations,
    Alignment,
    Analysis,
    Comparison,
    Data,
    Evaluation,
    Features,
    ImageEncoder,
    SpectrumEncoder,
    build,
)
from astroclip_book.errors import BookError
from mock_survey.config import Survey

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Sky:
    """Real observations that a reader has, to hold the survey against."""

    spectra_path: str | None  # .npz with flux, wavelength, redshift
    images_path: str | None  # .npz with images, or a file in the release layout


@dataclass(frozen=True)
class Own:
    """Galaxies of a reader's own, to look up in the run."""

    spectra_files: str | None  # a path, or a pattern such as night/*.fits: DESI coadds, SDSS spec-*.fits, .npz
    image_files: str | None  # likewise: cut-outs of the Legacy Surveys, .npz


@dataclass(frozen=True)
class Preset:
    """One run: sections of hyper-parameters and the seed that all random draws descend from."""

    name: str
    seed: int
    survey: Survey
    data: Data
    image_encoder: ImageEncoder
    spectrum_encoder: SpectrumEncoder
    features: Features
    comparison: Comparison
    alignment: Alignment
    ablations: Ablations
    evaluation: Evaluation
    analysis: Analysis
    sky: Sky
    own: Own


def as_yaml(preset: Preset) -> str:
    """The values of a run as a preset's file has them, with the names of files in the place of their paths."""
    values = dataclasses.asdict(preset)
    del values["name"]
    for section in values.values():
        if isinstance(section, dict):
            paths = {
                key: Path(value).name for key, value in section.items() if key.endswith(("_path", "_files")) and value
            }
            section.update(paths)
    return yaml.safe_dump(values, sort_keys=False)


def preset_names() -> list[str]:
    """Names of the presets that come with the book."""
    return sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


def load_preset(name: str, **overrides) -> Preset:
    """Read ``presets/<name>.yaml`` and apply overrides.

    Parameters
    ----------
    name : str
        Name of a preset, or path of a YAML file with the same keys.
    **overrides
        New values, named by key (``n_galaxies``) where one section alone has that key, or by
        section and key (``image_encoder_epochs``). ``None`` leaves the preset's value.

    Raises
    ------
    BookError
        For an unknown preset or key, a missing key, or a value of the wrong type.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else ROOT / "presets" / f"{name}.yaml"
    if not path.is_file() and not preset_names():
        raise BookError(
            f"There are no presets in {ROOT}: the package is there without its repository. "
            "Clone that, and install it from there with `pip install -e .`."
        )
    if not path.is_file():
        raise BookError(_no_preset(str(name), path))
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BookError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise BookError(f"{path} has no keys with values: copy a file of {ROOT / 'presets'} and change that.")
    for key, value in overrides.items():
        if value is not None:
            _apply(values, key, value)
    return build(Preset, {"name": path.stem, **values}, str(path))


def _no_preset(name: str, path: Path) -> str:
    if name.endswith((".yaml", ".yml")):
        return f"There is no file {path.absolute()}: give the path of a preset, or one of the names {', '.join(preset_names())}."
    return (
        f"There is no preset '{name}'. Use one of: {', '.join(preset_names())}; or the path of a YAML file of your own, with "
        "its ending, such as mine.yaml."
    )


def _sections() -> dict[str, list[str]]:
    hints = typing.get_type_hints(Preset)
    return {
        name: [f.name for f in dataclasses.fields(kind)]
        for name, kind in hints.items()
        if dataclasses.is_dataclass(kind)
    }


def _apply(values: dict, key: str, value) -> None:
    if key == "seed":
        values["seed"] = value
        return
    places = [(s, k) for s, keys in _sections().items() for k in keys if key in (k, f"{s}_{k}")]
    exact = [(s, k) for s, k in places if key == f"{s}_{k}"]
    places = exact or places
    if not places:
        known = sorted({k for keys in _sections().values() for k in keys} | {"seed"})
        close = difflib.get_close_matches(key, known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise BookError(f"Unknown parameter '{key}'.{hint} Parameters are the keys of presets/*.yaml.")
    if len(places) > 1:
        choices = ", ".join(f"{s}_{k}" for s, k in places)
        raise BookError(f"Parameter '{key}' could mean any of {choices}: name one of these.")
    section, name = places[0]
    if isinstance(values.setdefault(section, {}), dict):  # else `build` says what is wrong with the section
        values[section][name] = value
