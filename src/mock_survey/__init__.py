"""The mock survey: galaxies, their images and their fibre spectra; and what it is made of."""

import warnings
from typing import Annotated, Literal

from pydantic import Field

from astroclip_book.config import Positive, section

# SkyPy sets up a test runner that astropy has retired, and says so at import, in every worker.
warnings.filterwarnings("ignore", "The TestRunner")

Artefact = Literal["satellite_trail", "saturated_bleed", "bright_star", "missing_band", "chip_edge", "cosmic_ray"]


@section
class Survey:
    """The mock survey."""

    n_galaxies: Annotated[int, Field(ge=100)]  # over the ten groups of the release layout, each of which has a test set
    # Faintest apparent r magnitude (AB); BGS Bright has 19.5. Brighter than 16 leaves no LRGs, fainter than 22 z > 0.8.
    magnitude_limit: Annotated[float, Field(ge=16, le=22)]
    image_depth: Positive  # exposure relative to the Legacy Surveys': noise goes as its inverse square root
    artefact_fraction: Annotated[float, Field(ge=0, le=1)]  # share of the images that carry a labelled artefact
    artefacts: Annotated[list[Artefact], Field(min_length=1)]  # kinds of artefact, in equal shares
