"""What the mock survey is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from astroclip_book.config import Positive, section

Artefact = Literal["satellite_trail", "saturated_bleed", "bright_star", "missing_band", "chip_edge", "cosmic_ray"]


@section
class Survey:
    """The mock survey."""

    n_galaxies: Annotated[int, Field(ge=100)]  # over the ten groups of the release layout, each of which has a test set
    magnitude_limit: Positive  # faintest apparent r magnitude (AB), BGS Bright has 19.5
    image_depth: Positive  # exposure relative to the Legacy Surveys': noise goes as its inverse square root
    artefact_fraction: Annotated[float, Field(ge=0, le=1)]  # share of the images that carry a labelled artefact
    artefacts: Annotated[list[Artefact], Field(min_length=1)]  # kinds of artefact, in equal shares
