"""Galaxies that are not in the run, looked up in it: ``own_galaxies.h5``."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from astroclip_book.data.files import matching
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.data.sampling import evenly
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.lookup import INTERVAL, Found, Reference
from astroclip_book.evaluate.novelty import LEVEL
from astroclip_book.model import AstroCLIP
from bookmaking.second.strangers import strange_images, strange_spectra
from bookmaking.second.survey import write_second_survey
from bookmaking.store import Run
from real_sky.observations import Images, Spectra, read_images, read_spectra
from real_sky.sdss_trial import on_the_grid_of_sdss

N_TRIAL = 500  # test galaxies whose spectra are put on another grid
N_SECOND = 100  # galaxies of the second survey: one is a per cent of them
SHOWN = 12  # objects that the chapter shows, at most; of the second survey half as many
NEIGHBOURS = 4


def own_galaxies(run: Run, scratch: Path) -> dict:
    """Look up a reader's galaxies, or those of a second mock survey; try the warning on test galaxies and on strangers."""
    model, own = AstroCLIP.from_run(run.directory, run.device), run.preset.own
    coadd, cut_outs, redshift = write_second_survey(run.preset.survey, run.preset.seed, N_SECOND, scratch / "second")
    # A cut-out knows no redshift: that of the spectrum in the same place is put beside it.
    second = {"spectrum": read_spectra(coadd), "image": replace(read_images(cut_outs), redshift=redshift)}
    given = {"spectrum": (own.spectra_files, read_spectra), "image": (own.image_files, read_images)}
    rng = np.random.default_rng([run.preset.seed, 12])
    strangers = {
        "spectrum": strange_spectra(second["spectrum"].flux, second["spectrum"].ivar, rng),
        "image": strange_images(second["image"].images, rng),
    }
    metrics: dict = {"interval": INTERVAL, "level": LEVEL, "test": {}, "second": {}, "strangers": {}, "objects": {}}
    with h5py.File(scratch / "own_galaxies.h5", "w") as file:
        for modality, mock in second.items():
            found = model.look_up(mock, NEIGHBOURS)
            metrics["test"][modality] = _test(run, modality)
            metrics["second"][modality] = _scores(found, redshift)
            metrics["strangers"][modality] = {
                kind: float(model.look_up(_with_pixels(mock, pixels)).unusual.mean())
                for kind, pixels in strangers[modality].items()
            }
            pattern, read = given[modality]
            shown = read(matching(pattern)) if pattern else _first(mock, SHOWN // 2)
            metrics["objects"][modality] = _write(file.create_group(modality), shown, model.look_up(shown, NEIGHBOURS))
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    metrics["grid"] = _grids(model, pairs)
    return {"own": metrics}


def _grids(model: AstroCLIP, pairs: Pairs) -> dict:
    """Redshifts of test galaxies by the grid that their spectra came on."""
    test = pairs.index.where("test")
    rows = test[evenly(len(test), N_TRIAL)]
    flux, redshift = pairs.spectra(rows), pairs.index.redshift[rows]
    tried = on_the_grid_of_sdss(flux)
    objects = Spectra(flux, np.ones_like(flux), redshift, rows.astype(str))
    found = {grid: model.look_up(_with_pixels(objects, values), 1).redshift for grid, values in tried.items()}
    return {grid: {"n": len(rows), **photoz.statistics(redshift, predicted)} for grid, predicted in found.items()}


def _test(run: Run, modality: str) -> dict:
    """How the run's own test galaxies fare, whose features are known."""
    reference = Reference.from_run(run.directory, modality)
    rows = reference.embeddings.where("test")
    with h5py.File(run.path("features.h5"), "r") as file:
        features = file[modality]["clean"][rows[0] : rows[-1] + 1][rows - rows[0]]
    return _scores(reference.look_up(features, reference.vectors[rows], 1), reference.embeddings.redshift[rows])


def _scores(found: Found, redshift: np.ndarray) -> dict:
    return {
        "n": len(redshift),
        "nmad": photoz.nmad(photoz.errors(redshift, found.redshift)),
        "within": float(np.mean((found.low <= redshift) & (redshift <= found.high))),
        "width": float(np.median(found.high - found.low)),
        "unusual": float(found.unusual.mean()),
    }


def _with_pixels(objects: Spectra | Images, pixels: np.ndarray) -> Spectra | Images:
    return replace(objects, **{"flux" if isinstance(objects, Spectra) else "images": pixels})


def _first(objects: Spectra | Images, n: int) -> Spectra | Images:
    return type(objects)(*(values[:n] for values in vars(objects).values()))


def _write(group: h5py.Group, objects: Spectra | Images, found: Found) -> list[dict]:
    """All objects' numbers and the first ones' pixels to the file; what a table says of the first ones is returned."""
    numbers = {
        name: getattr(found, name) for name in ("embedding", "row", "cosine", "redshift", "low", "high", "unusual")
    }
    numbers |= {f"p_{name}": p for name, p in found.novelty.items()}
    numbers |= {"known": objects.redshift, "observed": objects.observed}
    for name, values in numbers.items():
        group[name] = values
    group["name"] = objects.name.astype(h5py.string_dtype())
    group["pixels"] = (objects.flux if isinstance(objects, Spectra) else objects.images)[:SHOWN]
    return [
        {
            "name": str(objects.name[i]),
            "known": float(objects.redshift[i]) if np.isfinite(objects.redshift[i]) else None,
            **{name: float(numbers[name][i]) for name in ("redshift", "low", "high", "observed")},
            "unusual": [name for name, p in found.novelty.items() if p[i] <= LEVEL],
        }
        for i in range(min(SHOWN, len(objects)))
    ]
