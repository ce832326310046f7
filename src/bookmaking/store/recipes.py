"""What makes what: artefacts that a function of the package makes, and results that a chapter's cells record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from astroclip_book.errors import BookError
from astroclip_book.train import processes

# Functions import in their bodies: keys are made of what stands there, and known without loading torch.


@dataclass(frozen=True)
class Step:
    """One arrow of the book's data flow: a recipe, or a chapter's recorded result.

    ``make(run, scratch)`` writes the artefacts into the directory ``scratch`` and returns metrics, a nested dict or None. After
    a kill it is called again with the same ``scratch``, if its key is the same, and may resume. None: cells record the result.
    """

    chapter: str  # stem of the notebook that makes or records it
    artefacts: tuple[str, ...] = ()  # file names in the run directory; () for numbers alone
    values: tuple[str, ...] = ()  # what it uses of the preset, beside the seed: "section" or "section.value"
    needs: tuple[str, ...] = ()  # steps whose artefacts or numbers it reads
    make: Callable | None = None
    parallel: bool = False  # whether all processes of torchrun work on it; else the first alone


def survey(run, scratch: Path) -> dict:
    """Simulate the survey of the preset."""
    from mock_survey.survey import simulate

    return simulate(run.preset.survey, run.preset.seed, scratch)


def index(run, scratch: Path) -> dict:
    """Read the pairs once, drop what cannot be used, split the rest; BookError where all have the same redshift or mass."""
    import numpy as np

    from astroclip_book.data.catalog import labels
    from astroclip_book.data.files import write_hdf5
    from astroclip_book.data.pairs import SPLITS, index_pairs

    pairs = run.path("pairs.h5")
    found, dropped = index_pairs(pairs, run.preset.data.validation_fraction, run.preset.seed)
    columns, known = run.catalog(found.targetid)
    for name, values in labels(found, columns).items():
        if np.nanmin(values) == np.nanmax(values):
            raise BookError(f"{name} is {np.nanmin(values):g} for all objects of {pairs}: use pairs that differ in it.")
    write_hdf5(scratch / "index.h5", vars(found))
    counts = {name: len(found.where(name)) for name in SPLITS}
    return {"counts": counts | {"dropped": dropped, "catalog": known}}


def image_encoder(run, scratch: Path) -> dict:
    """Pre-train the encoder of images, or take published weights."""
    from astroclip_book.models.published import adopt_image_encoder
    from astroclip_book.train.images import train_image_encoder

    config = run.preset.image_encoder
    if config.weights_path:
        return adopt_image_encoder(run.pairs(), config, scratch)
    return train_image_encoder(run.pairs(), config, run.device, run.preset.seed, scratch)


def spectrum_encoder(run, scratch: Path) -> dict:
    """Pre-train the encoder of spectra, or take published weights."""
    from astroclip_book.models.published import adopt_spectrum_encoder
    from astroclip_book.train.spectra import train_spectrum_encoder

    config = run.preset.spectrum_encoder
    if config.weights_path:
        return adopt_spectrum_encoder(run.pairs(), config, scratch)
    return train_spectrum_encoder(run.pairs(), config, run.device, run.preset.seed, scratch)


def features(run, scratch: Path) -> dict:
    """Pass every object through both frozen encoders."""
    from astroclip_book.train.features import extract_features

    encoders = run.path("image_encoder.pt"), run.path("spectrum_encoder.pt")
    return extract_features(run.pairs(), *encoders, run.preset.features, run.device, run.preset.seed, scratch)


def alignment(run, scratch: Path) -> dict:
    """Train the heads on the cached features, if their rows belong together, and embed every object."""
    import h5py

    from astroclip_book.evaluate.rows import check_rows
    from astroclip_book.train.heads import align

    features = run.path("features.h5")
    with h5py.File(features) as file:
        rows = check_rows(file["image/clean"], file["spectrum/clean"], "features.h5")
    return align(features, run.preset.alignment, run.device, run.preset.seed, scratch) | {"rows": rows}


def comparison(run, scratch: Path, modality: str) -> None:
    """Look at all images, or spectra, in four ways; BookError with more principal components than training galaxies."""
    from astroclip_book.data.files import write_hdf5
    from astroclip_book.evaluate.comparison import compare

    pairs, config = run.pairs(), run.preset.comparison
    if config.components > (n := len(pairs.index.where("train"))):
        raise BookError(f"comparison.components is {config.components}, and the training galaxies are {n}: lower it.")
    encoder, known = run.path(f"{modality}_encoder.pt"), run.labels(pairs.index)
    arrays = compare(modality, pairs, known, encoder, config, run.device, run.preset.seed, scratch)
    write_hdf5(scratch / f"{modality}_comparison.h5", arrays)


def analysis(run, scratch: Path) -> None:
    """Map and cluster the test split."""
    from astroclip_book.data.files import write_hdf5
    from astroclip_book.data.pairs import Embeddings
    from astroclip_book.evaluate.space import make_maps

    embeddings = Embeddings.load(run.path("embeddings.h5"))
    write_hdf5(scratch / "analysis.h5", make_maps(embeddings, run.preset.analysis, run.preset.seed))


def explorer(run, scratch: Path) -> dict:
    """Pack the test set for the explorer's page, and some real galaxies if the run was given a sample."""
    import h5py

    from astroclip_book.data.files import read_hdf5
    from astroclip_book.data.pairs import Embeddings
    from astroclip_book.model import AstroCLIP
    from bookmaking.explorer.packing import write_explorer
    from bookmaking.explorer.real import with_real

    embeddings, analysis = Embeddings.load(run.path("embeddings.h5")), read_hdf5(run.path("analysis.h5"))
    with h5py.File(run.path("features.h5")) as file:
        frozen = {modality: file[modality]["clean"][:] for modality in ("image", "spectrum")}
    catalog, preset, real = run.truth(embeddings.targetid), run.preset, None
    if path := preset.sky.sample_path:
        embeddings, frozen, real = with_real(path, AstroCLIP.from_run(run.directory, run.device), embeddings, frozen)
    return write_explorer(
        scratch, run.source, run.pairs(), embeddings, frozen, catalog, analysis, preset.analysis, preset.seed, real
    )


PAIRS = ("survey", "index")  # pairs.h5, catalog.h5 and index.h5
STEPS = {
    "survey": Step("01_mock_survey", ("pairs.h5", "catalog.h5"), ("survey",), (), survey),
    "index": Step("01_mock_survey", ("index.h5",), ("data",), ("survey",), index),
    "image_encoder": Step("02_image_encoder", ("image_encoder.pt",), ("image_encoder",), PAIRS, image_encoder, True),
    "spectrum_encoder": Step("03_spectrum_encoder", ("spectrum_encoder.pt",), ("spectrum_encoder",), PAIRS, spectrum_encoder, True),
    "image_comparison": Step(
        "02_image_encoder", ("image_comparison.h5",), ("comparison",), (*PAIRS, "image_encoder"), partial(comparison, modality="image")),
    "image_scores": Step("02_image_encoder", (), ("evaluation",), (*PAIRS, "image_comparison")),
    "spectrum_comparison": Step(
        "03_spectrum_encoder", ("spectrum_comparison.h5",), ("comparison",), (*PAIRS, "spectrum_encoder"), partial(comparison, modality="spectrum")),
    "spectrum_scores": Step("03_spectrum_encoder", (), ("evaluation",), (*PAIRS, "spectrum_encoder", "spectrum_comparison")),
    "features": Step(
        "04_alignment", ("features.h5",), ("features",), (*PAIRS, "image_encoder", "spectrum_encoder"), features, True),
    "alignment": Step("04_alignment", ("heads.pt", "embeddings.h5"), ("alignment",), ("features",), alignment),
    "similarity": Step("05_similarity_search", (), ("evaluation",), (*PAIRS, "features", "alignment")),
    "properties": Step(
        "06_redshift_and_mass", ("predictions.h5",), ("evaluation",),
        (*PAIRS, "image_comparison", "spectrum_comparison", "features", "alignment")),
    "oracle": Step("06_redshift_and_mass", (), ("survey", "data", "evaluation"), PAIRS),
    "standing": Step("06_redshift_and_mass", (), ("evaluation",), ("properties", "oracle")),
    "few_labels": Step("07_few_labels", (), ("evaluation",), (*PAIRS, "features", "alignment", "properties")),
    "ablations": Step(
        "08_ablations", (), ("alignment", "ablations", "evaluation"), (*PAIRS, "image_encoder", "spectrum_encoder", "features")),
    "analysis": Step("09_embedding_space", ("analysis.h5",), ("analysis",), ("alignment",), analysis),
    "analysis_scores": Step("09_embedding_space", (), ("evaluation", "analysis"), (*PAIRS, "features", "alignment", "analysis")),
    "explorer": Step(
        "10_explorer", ("explorer_data.js", "bokeh.js"), ("analysis", "sky.sample_path"), (*PAIRS, "features", "alignment", "analysis"), explorer),
    "explorer_search": Step("10_explorer", (), (), ("alignment", "explorer")),
    "claims": Step(
        "claims", (), (),
        ("image_scores", "spectrum_scores", "similarity", "properties", "oracle", "standing", "few_labels", "analysis_scores")),
    "realism": Step("11_mock_and_sky", (), ("evaluation", "sky"), (*PAIRS, "alignment")),
    "nuisances": Step("11_mock_and_sky", (), ("evaluation.k",), (*PAIRS, "features", "alignment")),
    "own_galaxies": Step("12_your_own_galaxies", (), ("survey", "own", "sky.sample_path"), (*PAIRS, "features", "alignment", "properties")),
}  # fmt: skip

TRAININGS = ("02_image_encoder", "03_spectrum_encoder", "04_alignment", "08_ablations")  # chapters that take longest

# Steps whose results each page makes or reads: a page is executed again when one of them changes. Those of most are what they
# make, and what that needs.
CHAPTERS: dict[str, tuple[str, ...]] = {"light": PAIRS, "differences": ("ablations", "properties")}
CHAPTERS |= dict.fromkeys(("introduction", "teaching"), tuple(STEPS))
for name, step in STEPS.items():
    CHAPTERS[step.chapter] = tuple(dict.fromkeys((*CHAPTERS.get(step.chapter, ()), *step.needs, name)))


def chain(target: str) -> list[str]:
    """A recipe, given by its name or an artefact of it, after all that it needs; BookError where there is none for so many processes."""
    wanted = {name for name, step in STEPS.items() if step.make and target in (name, *step.artefacts)}
    if not wanted:
        recipes = ", ".join(name for name, step in STEPS.items() if step.make)
        raise BookError(f"No recipe makes '{target}'. Recipes: {recipes}.")
    if processes.count() > 1 and not any(STEPS[name].parallel for name in wanted):
        raise BookError(f"'{target}' is made by one process: start it without torchrun.")
    wanted = with_needs(wanted, STEPS)
    return [name for name in STEPS if name in wanted]


def with_needs(names: set[str], steps: dict[str, Step]) -> set[str]:
    """Some steps and all that they need, directly or not."""
    for name in reversed(steps):
        if name in names:
            names = names | set(steps[name].needs)
    return names
