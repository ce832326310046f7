"""What a few labels give: ``few_labels.h5``."""

from pathlib import Path

import numpy as np
import threadpoolctl

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.evaluate.classify import artefacts, morphology
from astroclip_book.evaluate.probes import measure, probe_spaces
from astroclip_book.evaluate.properties import MAIN, known_properties
from bookmaking.run import Run
from bookmaking.steps.truth import truth


@threadpoolctl.threadpool_limits.wrap(limits=1)  # matrices are small: threads would mostly wait for each other
def few_labels(run: Run, scratch: Path) -> dict:
    """Probe the embeddings with labels: properties, morphology, artefacts."""
    config, seed = run.preset.evaluation, run.preset.seed
    embeddings, features = Embeddings.load(run.path("embeddings.h5")), run.path("features.h5")
    catalog = truth(run, embeddings.targetid)
    known = {name: values for name, values in known_properties(embeddings, catalog).items() if name in MAIN}
    probes, curves = measure(probe_spaces(embeddings, features, catalog), embeddings, known, config, seed)
    kinds, confusion = morphology(embeddings, catalog, config, seed)
    spoilt, roc = artefacts(embeddings, features, catalog, config, seed)
    arrays = {
        f"curve/{name}/{way}/{method}/{key}": np.array(values)
        for name, ways in curves.items()
        for way, methods in ways.items()
        for method, curve in methods.items()
        for key, values in curve.items()
    }
    write_hdf5(scratch / "few_labels.h5", arrays | confusion | roc)
    metrics = {"probes": probes, "label_efficiency": curves, "morphology": kinds, "artefacts": spoilt}
    return {name: values for name, values in metrics.items() if values}
