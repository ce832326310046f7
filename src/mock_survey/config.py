"""What the mock survey is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Survey:
    """The mock survey."""

    n_galaxies: int  # objects written, spread over the ten groups of the release layout
    magnitude_limit: float  # faintest apparent r magnitude (AB), BGS Bright has 19.5
    image_depth: float  # exposure of the images relative to the Legacy Surveys': noise goes as its inverse square root
    artefact_fraction: float  # share of the images that carry a labelled artefact
    artefacts: list[str]  # kinds of artefact, in equal shares
