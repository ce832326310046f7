"""Figures of the book: one figure, one function, arrays in, a matplotlib figure out.

Every function takes the keyword ``source`` ("mock survey", or the name of a file of real pairs) and prints it in
the figure's corner, so that no figure can be taken for the sky when it is not.
"""

from astroclip_book.plots.galaxies import gallery, noise, population, rgb
from astroclip_book.plots.properties import comparison, predicted
from astroclip_book.plots.search import cosine_histogram, cosine_matrix, four_way, recall_curve
from astroclip_book.plots.space import cluster_members, groups_on_maps, values_on_maps
from astroclip_book.plots.spectra import observed_spectra, reconstructions
from astroclip_book.plots.tables import island_sentence, scores_table, table
from astroclip_book.plots.training import augmented_views, training_curves

__all__ = [
    "augmented_views",
    "cluster_members",
    "comparison",
    "cosine_histogram",
    "cosine_matrix",
    "four_way",
    "gallery",
    "groups_on_maps",
    "island_sentence",
    "noise",
    "observed_spectra",
    "population",
    "predicted",
    "recall_curve",
    "reconstructions",
    "rgb",
    "scores_table",
    "table",
    "training_curves",
    "values_on_maps",
]
