"""Figures of the book: one figure, one function, arrays in, a matplotlib figure out.

Every function takes the keyword ``source`` (`Run.source`: "mock survey", or "real data: <release>") and prints it in
the figure's corner, so that no figure can be taken for the sky when it is not.
"""

from bookmaking.figures.ablations import ablations, scaling
from bookmaking.figures.encoders import alike, attention, augmented_views, training_curves, ways
from bookmaking.figures.galaxies import gallery, noise, population, rgb
from bookmaking.figures.outcomes import outcomes_table
from bookmaking.figures.properties import pit_histogram, predicted, yardsticks
from bookmaking.figures.search import (
    cosine_histogram,
    cosine_matrix,
    four_way,
    rare_neighbours,
    rare_precision,
    recall_curve,
)
from bookmaking.figures.space import values_on_maps
from bookmaking.figures.spectra import observed_spectra, reconstructions
from bookmaking.figures.tables import (
    no_training,
    number,
    table,
)

__all__ = [
    "ablations",
    "alike",
    "attention",
    "augmented_views",
    "cosine_histogram",
    "cosine_matrix",
    "four_way",
    "gallery",
    "no_training",
    "noise",
    "number",
    "observed_spectra",
    "outcomes_table",
    "pit_histogram",
    "population",
    "predicted",
    "rare_neighbours",
    "rare_precision",
    "recall_curve",
    "reconstructions",
    "rgb",
    "scaling",
    "table",
    "training_curves",
    "values_on_maps",
    "ways",
    "yardsticks",
]
