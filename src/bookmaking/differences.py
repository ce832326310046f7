"""What this book does otherwise than the paper and than earlier reproductions, and what that changes, where the run says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

V1 = "AstroCLIP v1 {cite:p}`Lanusse2023`"
V2 = "AstroCLIP v2 {cite:p}`Parker2024`"
STEIN = "[Stein et al.](https://github.com/georgestein/ssl-legacysurvey)"
VRIKKIS = "[Vrikkis 2024](https://github.com/av1518/AstroCLIP-Extention)"
SIDDIQUEI = "[Siddiquei 2024](https://github.com/adnansiddiquei/AstroCLIP)"
MELCHIOR = "[Spender](https://github.com/pmelchior/spender)"
PAPER, EARLIER = "To the paper", "To earlier reproductions"


@dataclass(frozen=True)
class Effect:
    """One measured consequence, theirs less this book's.

    Attributes
    ----------
    score : str
        What was scored.
    value : float
    interval : tuple of float, optional
        None where the run has no spread to go by.
    """

    score: str
    value: float
    interval: tuple[float, float] | None = None


Effects = Callable[[dict], list[Effect]]


@dataclass(frozen=True)
class Difference:
    """One choice.

    Attributes
    ----------
    side : str
        `PAPER` or `EARLIER`.
    theirs, source, ours : str
        What they did, where, and what this book does instead, with fields for values of the preset.
    chapter : str
        Stem of the notebook that shows it.
    effects : callable or str
        From the metrics of a run to what was measured; a text where there is no number.
    """

    side: str
    theirs: str
    source: str
    ours: str
    chapter: str
    effects: Effects | str = "not measured here"


SCORES = {"redshift_cross": "$z$ cross", "redshift_spectrum": "$z$ spectrum", "recall_at_10": "recall"}


def ablation(question: str, variant: str, against: str | None = None) -> Effects:
    """Scores of a variant of chapter 08 less those of the reference, or of another variant that answers the same question.

    The interval has two standard deviations to either side: those over the seeds of the reference, for the number of seeds that
    each of the two has.
    """

    def effects(metrics: dict) -> list[Effect]:
        reference = metrics["ablations"]["reference"]
        variants = {None: reference, **metrics["ablations"]["questions"][question]}
        if variant not in variants or against not in variants:  # not asked in this run
            return []
        scores, base, found = variants[variant], variants[against], []
        for name, title in SCORES.items():
            difference = scores[name] - base[name]
            half = 2 * reference["sd"][name] * math.sqrt(1 / scores["seeds"] + 1 / base["seeds"])
            found.append(Effect(title, difference, (difference - half, difference + half)))
        return found

    return effects


def fixed_neighbours(metrics: dict) -> list[Effect]:
    """R² by 16 neighbours less that by as many as validation chose."""
    ways = {way: metrics["property"]["redshift"][way] for way in ("image", "spectrum", "cross")}
    return [
        Effect(f"$z$ {way}", score["r2_k16"] - score["r2"])
        for way, score in ways.items()
        if score["r2_k16"] is not None
    ]


WORDS = "none: figures and words alone"
DIFFERENCES = (
    Difference(
        PAPER,
        "encoders of 43 M parameters and more, transformers (ViT-L, SpecFormer) in v2",
        f"{V1}; {V2}",
        "a ResNet-{image_encoder.depth} and Spender, frozen",
        "02_image_encoder",
    ),
    Difference(
        PAPER,
        "158,377 pairs to train on",
        V1,
        "fewer; the effect is of four times the pairs, from a quarter of this run's to all",
        "08_ablations",
        ablation("pairs", "1/1", against="1/4"),
    ),
    Difference(
        PAPER, "embeddings of 512 dimensions", V2, "{alignment.dimension}", "08_ablations", ablation("dimension", "512")
    ),
    Difference(
        PAPER,
        "one hidden layer in the heads",
        V1,
        "{alignment.layers} of width {alignment.hidden}",
        "08_ablations",
        ablation("layers", "1"),
    ),
    Difference(
        PAPER,
        "AdamW with a weight decay of 0.2",
        V1,
        "{alignment.weight_decay:g}",
        "08_ablations",
        ablation("decay", "AdamW, 0.2"),
    ),
    Difference(
        PAPER,
        "raw fluxes shown to weights trained on stretched colours: the stretch is commented out",
        V1,
        "the input the encoder was trained on",
        "08_ablations",
        ablation("frozen", "fed raw fluxes"),
    ),
    Difference(
        PAPER,
        "in the stretch, a missing pair of brackets: `image*(scales + m*(fI/I))` for `(image*scales + m)*(fI/I)`",
        STEIN,
        "input `{image_encoder.input}`",
        "02_image_encoder",
    ),
    Difference(
        PAPER,
        "spectra standardised, each by its own mean and deviation; Spender was made for a median flux of one",
        f"{V1}; {MELCHIOR}",
        "one normalisation in training and use, `{spectrum_encoder.normalisation}`",
        "03_spectrum_encoder",
    ),
    Difference(
        PAPER,
        "specific star formation rate: log metallicity subtracted in the place of log mass",
        V2,
        "the rate over the stellar mass",
        "06_redshift_and_mass",
    ),
    Difference(
        PAPER,
        "the number of neighbours that is asked for is ignored",
        V2,
        "chosen on the validation split and printed",
        "06_redshift_and_mass",
    ),
    Difference(
        PAPER,
        "spectra plotted from 3586.74 to 10372.90 Å",
        f"{V1}; {VRIKKIS}",
        "from 3600 to 9824 Å, as DESI's files are",
        "01_mock_survey",
        WORDS,
    ),
    Difference(
        EARLIER,
        "16 neighbours, fixed",
        VRIKKIS,
        "as many as validation chooses",
        "06_redshift_and_mass",
        fixed_neighbours,
    ),
    Difference(
        EARLIER,
        "the logarithm of the scale, 2.74, for the scale",
        VRIKKIS,
        "{alignment.logit_scale:g}",
        "08_ablations",
        ablation("scale", "2.74"),
    ),
    Difference(
        EARLIER,
        "an activation and dropout after the last layer, on the embedding",
        VRIKKIS,
        "neither",
        "08_ablations",
        ablation("embedding_dropout", "0.2"),
    ),
    Difference(
        EARLIER,
        "Adam with a weight decay of 0.2, which is coupled to the gradient",
        VRIKKIS,
        "`{alignment.optimizer}`, {alignment.weight_decay:g}",
        "08_ablations",
        ablation("decay", "Adam, 0.2"),
    ),
    Difference(
        EARLIER,
        "frozen by its gradients alone: the statistics of batch norm go on moving",
        "any of the line may",
        "evaluation mode; a test holds every buffer to its bits",
        "08_ablations",
        ablation("frozen", "batch norm in training mode"),
    ),
    Difference(
        EARLIER,
        "trained on augmented views alone",
        VRIKKIS,
        "the clean view among them",
        "08_ablations",
        ablation("views", "augmented alone"),
    ),
    Difference(
        EARLIER, "rotations and flips stay on when embedding", VRIKKIS, "one clean view is embedded", "04_alignment"
    ),
    Difference(EARLIER, "one angle of rotation for a whole batch", VRIKKIS, "one for each galaxy", "02_image_encoder"),
    Difference(
        EARLIER,
        "DBSCAN's radius tuned by eye, on a map without a seed",
        VRIKKIS,
        "the knee of the sorted distances, on seeded maps",
        "09_embedding_space",
    ),
    Difference(
        EARLIER,
        "$R^2$ called a rank correlation",
        VRIKKIS,
        "the coefficient of determination, with intervals",
        "06_redshift_and_mass",
        WORDS,
    ),
    Difference(
        EARLIER,
        "report and code differ in split, schedule and epochs",
        VRIKKIS,
        "text and code are one notebook, and numbers in the text come from the run",
        "04_alignment",
        WORDS,
    ),
    Difference(
        EARLIER,
        "the set that is asked is the set that answers: each galaxy is its own neighbour",
        SIDDIQUEI,
        "test galaxies ask, training and validation galaxies answer",
        "06_redshift_and_mass",
    ),
    Difference(EARLIER, "all weights trained", SIDDIQUEI, "heads alone, on cached features", "04_alignment"),
)
