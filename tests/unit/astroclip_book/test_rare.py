"""Rare kinds by the labels of a catalogue."""

import numpy as np

from astroclip_book.evaluate.rare import ACTIVE, rare_kinds
from mock_survey.spectra.lines import KINDS


def test_kinds_are_those_the_catalogue_labels():
    catalog = {
        "ARTEFACT": np.array(["none", "chip_edge", "", "cosmic_ray"]),
        "MERGER": np.array([True, True, True, False]),
        "IONISATION": np.array(["seyfert", "liner", "composite", "seyfert"]),
    }
    kinds = {name: members.tolist() for name, members in rare_kinds(catalog).items()}
    assert kinds == {
        "artefact": [False, True, False, True],
        "merger": [True, True, True, False],
        "agn": [True, False, False, True],
    }


def test_no_labels_no_kinds():
    assert rare_kinds({}) == {}
    assert rare_kinds({"MERGER": np.array([True, False])}) == {}
    assert rare_kinds({"MERGER": np.array([1, np.nan, np.nan])}) == {}


def test_names_of_active_nuclei_are_those_of_the_mock():
    assert set(ACTIVE) < set(KINDS)
