import numpy as np
import pytest
from planted import planted, unit

from astroclip_book.evaluate.space import anomalies


def test_a_lonely_image_and_a_pair_that_disagrees_are_strange():
    image, _ = planted()
    spectrum, _ = planted(seed=1)
    image[7] = -image[40]  # no other image is there, and its spectrum is elsewhere
    spectrum[50] = spectrum[0]  # at home among spectra, but not with its image
    scores = anomalies.strangeness(image, spectrum, seed=0)
    assert scores["image_distance"].argmax() == 7
    assert scores["image_forest"][7] > np.quantile(scores["image_forest"], 0.9)
    assert set(np.argsort(scores["disagreement"])[-2:]) == {7, 50}
    assert scores["spectrum_distance"][50] < np.quantile(scores["spectrum_distance"], 0.99)


def test_detection_of_what_is_strange_and_of_what_is_not():
    rng = np.random.default_rng(0)
    values = rng.random(300)
    labels = {"MERGER": values > np.sort(values)[-31], "ARTEFACT": np.where(rng.random(300) < 0.1, "trail", "none")}
    found = anomalies.detection({"perfect": values}, labels, bootstrap=50, seed=0)
    merger, artefact = found["merger"]["perfect"], found["artefact"]["perfect"]
    assert merger["precision"] == merger["auc"] == 1 and merger["k"] == 20 and merger["base_rate"] == pytest.approx(0.1)
    assert 0.3 < artefact["auc"] < 0.7 and artefact["auc_ci95"][0] < 0.5 < artefact["auc_ci95"][1]
    assert anomalies.detection({"perfect": values}, {}, bootstrap=50, seed=0) == {}


def test_swapped_pairs():
    rng = np.random.default_rng(0)
    image = unit(rng.standard_normal((200, 32)))
    perfect = anomalies.swapped_pairs(image, image, seed=0)
    assert perfect["swapped_pairs_auc"] > 0.99 and perfect["swapped_pairs_precision"] > 0.99
    unrelated = anomalies.swapped_pairs(image, unit(rng.standard_normal((200, 32))), seed=0)
    low, high = unrelated["swapped_pairs_auc_ci95"]
    assert unrelated["swapped_pairs_auc"] == pytest.approx(0.5, abs=0.1) and low < 0.5 < high
