import dataclasses

import numpy as np
import pytest
from planted import planted

from astroclip_book.config import Analysis
from astroclip_book.errors import BookError
from astroclip_book.evaluate.space.analysis import analyse

CONFIG = Analysis(umap_neighbors=8, umap_min_dist=0.1, n_clusters=None, dbscan_min_samples=4)


def spaces(n_each=30, seed=0):
    (image, group), (spectrum, _) = planted(n_each, seed=seed), planted(n_each, seed=seed + 1)
    return {"image": image, "spectrum": spectrum}, group


def test_a_toy_set():
    test, group = spaces()
    validation, _ = spaces(seed=5)
    labels = {"ARTEFACT": np.where(group == 2, "chip_edge", "none"), "Z": np.random.default_rng(0).random(90)}
    arrays, metrics = analyse(test, validation, labels, CONFIG, bootstrap=20, seed=0)
    assert arrays["umap/joint"].shape == (90, 2) and np.isfinite(arrays["umap/joint"]).all()
    assert np.array_equal(arrays["kmeans/image"], arrays["kmeans/spectrum"])
    assert metrics["clusters"]["number"] == 3 and metrics["clusters"]["cross_modal_ami"] == pytest.approx(1)
    assert metrics["clusters"]["image_ami"]["artefact"] > 0.5 > metrics["clusters"]["image_ami"]["redshift"]
    island = metrics["islands"]["artefact"]
    assert island["precision"] == island["recall"] == 1 and island["kinds"]["chip_edge"] == {"n": 30, "found": 30}
    assert [one["neighbours"] for one in metrics["maps"]["again"]] == [8, 8, 3, 24]
    assert metrics["structure"]["cka"] > 0.9 > metrics["structure"]["cka_null"]
    again, without = analyse(test, validation, {}, CONFIG, bootstrap=20, seed=0)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays if name != "island/artefact")
    assert without["structure"]["order"]["image"]["map"] == {} and without["anomalies"]["detectors"] == {}


def test_a_number_of_clusters_that_is_given_is_taken():
    config = dataclasses.replace(CONFIG, n_clusters=4)
    _, metrics = analyse(spaces()[0], {}, {}, config, bootstrap=20, seed=0)
    assert metrics["clusters"]["number"] == 4 and metrics["clusters"]["silhouette"] == {}
    assert len(metrics["clusters"]["spectrum_stability"]) == 4


@pytest.mark.parametrize("key", ["umap_neighbors", "n_clusters", "dbscan_min_samples"])
def test_too_few_galaxies(key):
    test, _ = spaces(n_each=4)
    with pytest.raises(BookError, match=f"analysis.{key} = 12"):
        analyse(test, test, {}, dataclasses.replace(CONFIG, **{key: 12}), bootstrap=20, seed=0)
