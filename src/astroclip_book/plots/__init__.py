"""Figures of the book: one figure, one function, arrays in, a matplotlib figure out.

Every function takes the keyword ``source`` ("mock survey", or the name of a file of real pairs) and prints it in
the figure's corner, so that no figure can be taken for the sky when it is not.
"""

from astroclip_book.plots.encoders import alike, attention, by_way, ways
from astroclip_book.plots.galaxies import gallery, noise, population, rgb
from astroclip_book.plots.properties import comparison, predicted
from astroclip_book.plots.search import cosine_histogram, cosine_matrix, four_way, recall_curve
from astroclip_book.plots.sky import (
    colours_beside,
    galleries,
    redshifts_beside,
    scaling_relations,
    signal_to_noise,
    spread_beside,
    texture_differences,
    transferred,
)
from astroclip_book.plots.space import cluster_members, groups_on_maps, values_on_maps
from astroclip_book.plots.spectra import observed_spectra, reconstructions
from astroclip_book.plots.tables import (
    colours_table,
    distances_table,
    island_sentence,
    no_training,
    number,
    scores_table,
    table,
    ways_table,
)
from astroclip_book.plots.training import TERMS, augmented_views, training_curves

__all__ = [
    "TERMS",
    "alike",
    "attention",
    "augmented_views",
    "by_way",
    "cluster_members",
    "colours_beside",
    "colours_table",
    "comparison",
    "cosine_histogram",
    "cosine_matrix",
    "distances_table",
    "four_way",
    "galleries",
    "gallery",
    "groups_on_maps",
    "island_sentence",
    "no_training",
    "noise",
    "number",
    "observed_spectra",
    "population",
    "predicted",
    "recall_curve",
    "reconstructions",
    "redshifts_beside",
    "rgb",
    "scaling_relations",
    "scores_table",
    "signal_to_noise",
    "spread_beside",
    "table",
    "texture_differences",
    "training_curves",
    "transferred",
    "values_on_maps",
    "ways",
    "ways_table",
]
