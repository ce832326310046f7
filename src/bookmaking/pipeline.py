"""The steps of a run and the chapters of the book: what makes what, and what reads what."""

from __future__ import annotations

from bookmaking.run import Step


def _step(name: str, artefacts: tuple, sections: tuple, needs: tuple, chapter: str, parallel: bool = False) -> Step:
    return Step(name, f"bookmaking.steps.{name}:{name}", artefacts, sections, needs, chapter, parallel)


def _recorded(name: str, sections: tuple, needs: tuple, chapter: str) -> Step:
    return Step(name, "", (), sections, needs, chapter)


STEPS = {
    step.name: step
    for step in (
        _step("survey", ("pairs.h5", "catalog.h5"), ("survey",), (), "01_mock_survey"),
        _step("index", ("index.h5",), ("data",), ("survey",), "01_mock_survey"),
        _step(
            "image_encoder",
            ("image_encoder.pt",),
            ("image_encoder",),
            ("survey", "index"),
            "02_image_encoder",
            parallel=True,
        ),
        _step(
            "spectrum_encoder",
            ("spectrum_encoder.pt",),
            ("spectrum_encoder",),
            ("survey", "index"),
            "03_spectrum_encoder",
            parallel=True,
        ),
        *(
            _step(
                f"{modality}_comparison",
                (f"{modality}_comparison.h5",),
                ("comparison", "evaluation"),
                ("survey", "index", f"{modality}_encoder"),
                chapter,
            )
            for modality, chapter in (("image", "02_image_encoder"), ("spectrum", "03_spectrum_encoder"))
        ),
        _recorded("image_scores", ("evaluation",), ("survey", "index", "image_comparison"), "02_image_encoder"),
        _recorded(
            "spectrum_scores",
            ("evaluation",),
            ("survey", "index", "spectrum_encoder", "spectrum_comparison"),
            "03_spectrum_encoder",
        ),
        _step(
            "features",
            ("features.h5",),
            ("features",),
            ("survey", "index", "image_encoder", "spectrum_encoder"),
            "04_alignment",
            parallel=True,
        ),
        _step("alignment", ("heads.pt", "embeddings.h5"), ("alignment",), ("features",), "04_alignment"),
        _step("similarity", (), ("evaluation",), ("survey", "alignment"), "05_similarity_search"),
        _step(
            "properties",
            ("predictions.h5",),
            ("evaluation",),
            ("survey", "image_comparison", "spectrum_comparison", "features", "alignment"),
            "06_redshift_and_mass",
        ),
        _step("oracle", ("oracle.h5",), ("survey", "data", "evaluation"), ("survey", "index"), "06_redshift_and_mass"),
        _recorded("few_labels", ("evaluation",), ("survey", "features", "alignment"), "07_few_labels"),
        _recorded(
            "ablations",
            ("alignment", "ablations", "evaluation"),
            ("survey", "index", "image_encoder", "spectrum_encoder", "features"),
            "08_ablations",
        ),
        _step("analysis", ("analysis.h5",), ("analysis",), ("alignment",), "09_embedding_space"),
        Step(
            "analysis_scores",
            "",
            (),
            ("evaluation", "analysis"),
            ("survey", "index", "alignment", "analysis"),
            "09_embedding_space",
        ),
        _step(
            "explorer",
            ("explorer_data.js", "bokeh.js"),
            (),
            ("survey", "index", "alignment", "analysis"),
            "10_explorer",
        ),
        Step("explorer_search", "", (), (), ("alignment", "explorer"), "10_explorer"),
        Step(  # recorded by the page's cells
            "claims",
            "",
            (),
            (),
            ("image_scores", "spectrum_scores", "similarity", "properties", "oracle", "few_labels", "analysis_scores"),
            "claims",
        ),
        _step("realism", ("sky.h5",), ("evaluation", "sky"), ("survey", "index", "alignment"), "11_mock_and_sky"),
        _step(
            "own_galaxies",
            ("own_galaxies.h5",),
            ("survey", "own"),
            ("survey", "index", "features", "alignment", "properties"),
            "12_your_own_galaxies",
        ),
    )
}

# Steps whose results each page makes or reads: a page is executed again when one of them changes.
CHAPTERS = {
    "01_mock_survey": ("survey", "index"),
    "02_image_encoder": ("survey", "index", "image_encoder", "image_comparison", "image_scores"),
    "03_spectrum_encoder": ("survey", "index", "spectrum_encoder", "spectrum_comparison", "spectrum_scores"),
    "04_alignment": ("survey", "index", "features", "alignment"),
    "05_similarity_search": ("survey", "index", "alignment", "similarity"),
    "06_redshift_and_mass": (
        "survey",
        "index",
        "alignment",
        "properties",
        "oracle",
        "image_comparison",
        "spectrum_comparison",
    ),
    "07_few_labels": ("survey", "features", "alignment", "few_labels"),
    "08_ablations": ("survey", "index", "features", "ablations"),
    "09_embedding_space": ("survey", "index", "alignment", "analysis", "analysis_scores"),
    "10_explorer": ("alignment", "explorer", "explorer_search"),
    "11_mock_and_sky": ("survey", "index", "alignment", "realism"),
    "12_your_own_galaxies": ("survey", "index", "own_galaxies"),
    "light": ("survey", "index"),
    "claims": ("claims",),
    "differences": ("ablations", "properties"),
    "introduction": tuple(STEPS),
    "teaching": tuple(STEPS),
}
