"""What is varied, one thing at a time, and what earlier works did."""

from __future__ import annotations

from dataclasses import dataclass, field

VRIKKIS = "`av1518/AstroCLIP-Extention`"
V1 = "AstroCLIP v1"


@dataclass(frozen=True)
class Variant:
    """One alignment that differs from the reference in one thing.

    Attributes
    ----------
    label : str
        What the reader sees.
    changes : dict
        Values of the alignment section that replace the reference's.
    features : str
        Which frozen features: a name that `other_features.FEATURES` knows, or ``cached``.
    views : slice, optional
        Of the views of each training object, of which the first is the clean one; by default all that are cached.
    share : float
        Of the training pairs.
    steps : int
        In multiples of the reference's, by more epochs where one has fewer steps; 0 for as many epochs.
    """

    label: str
    changes: dict = field(default_factory=dict)
    features: str = "cached"
    views: slice | None = None
    share: float = 1.0
    steps: int = 0


@dataclass(frozen=True)
class Question:
    """Variants that answer one question.

    Attributes
    ----------
    title : str
    earlier : str
        What earlier works did, in a sentence.
    variants : tuple of Variant
    longer : tuple of Variant
        Asked too where ``grid`` is ``long``.
    """

    title: str
    earlier: str
    variants: tuple[Variant, ...]
    longer: tuple[Variant, ...] = ()


def _each(name: str, *values) -> tuple[Variant, ...]:
    return tuple(Variant(f"{value:g}" if isinstance(value, float) else str(value), {name: value}) for value in values)


def _batch(size: int) -> Variant:
    return Variant(str(size), {"batch_size": size}, steps=1)


SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the training pairs, for the law of scaling
SCALING_BATCH = 256  # one that the smallest share can fill

QUESTIONS = {
    "scale": Question(
        "scale of the logits",
        f"{V1} fixes 15.5; {VRIKKIS} takes its logarithm, 2.74, for the scale itself; CLIP learns it",
        (*_each("logit_scale", 2.74), Variant("learned", {"learn_scale": True})),
        _each("logit_scale", 5.0, 10.0, 30.0, 60.0),
    ),
    "embedding_dropout": Question(
        "dropout on the embedding",
        f"{VRIKKIS} has an activation and dropout after the last layer",
        (Variant("0.2", {"embedding_dropout": 0.2}),),
        _each("embedding_dropout", 0.1, 0.5),
    ),
    "decay": Question(
        "weight decay",
        f"{V1} has AdamW with 0.2; {VRIKKIS} has Adam with 0.2, which couples it to the gradient",
        (
            Variant("AdamW, 0.2", {"weight_decay": 0.2}),
            Variant("Adam, 0.2", {"optimizer": "adam", "weight_decay": 0.2}),
        ),
        (Variant("none", {"weight_decay": 0.0}), Variant("Adam, 0.01", {"optimizer": "adam", "weight_decay": 0.01})),
    ),
    "views": Question(
        "views of each galaxy",
        f"{VRIKKIS} augments always, in evaluation too",
        (Variant("clean alone", views=slice(1)), Variant("augmented alone", views=slice(1, None))),
    ),
    "frozen": Question(
        "frozen encoder of images, clean views",
        "an encoder frozen by its gradients alone has batch norm that goes on "
        f"moving; {V1} shows raw fluxes to weights that were trained on another input",
        (Variant("batch norm in training mode", features="moving"), Variant("fed raw fluxes", features="raw")),
    ),
    "spectrum": Question(
        "features of spectra",
        "Spender's latents are made to forget the redshift; AstroCLIP's own encoder of spectra "
        "is given the mean and deviation of each",
        (Variant("latents", features="latents"), Variant("no brightness", features="no_brightness")),
    ),
    "dimension": Question(
        "dimension of the embedding",
        f"128 in {V1} and {VRIKKIS}, 512 in AstroCLIP v2",
        _each("dimension", 2, 8, 32, 512),
        _each("dimension", 4, 16, 64, 256),
    ),
    "batch": Question(
        "batch size",
        f"512 in {V1} and {VRIKKIS}",
        (_batch(128), _batch(1024)),
        (_batch(256), _batch(2048), _batch(4096)),
    ),
    "layers": Question(
        "hidden layers of the heads", f"one in {V1} and in {VRIKKIS}", _each("layers", 0, 1), _each("layers", 3)
    ),
    "width": Question(
        "width of the hidden layers", f"2048 in {V1}", _each("hidden", 128), _each("hidden", 32, 1024, 2048)
    ),
    "loss": Question(
        "loss",
        "all works of this line use InfoNCE",
        (Variant("SigLIP", {"loss": "siglip", "logit_scale": 10.0, "learn_scale": True}),),
    ),
    "pairs": Question(
        "share of the training pairs",
        f"158,377 pairs in {V1}; a re-run of v2 on 2,681 galaxies fell to an $R^2$ of 0.375 "
        "for redshifts from images, from 0.79",
        tuple(
            Variant(f"1/{round(1 / share)}", {"batch_size": SCALING_BATCH}, share=share, steps=3) for share in SHARES
        ),
    ),
}
