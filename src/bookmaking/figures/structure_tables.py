"""Tables and sentences about the embedding space."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.figures.search import KINDS
from bookmaking.figures.structure import DETECTORS, NAMES
from bookmaking.figures.tables import number, table

METHODS = {"dbscan": "island", "hdbscan": "island (HDBSCAN)", "kmeans": "k-means cluster"}


def maps_table(maps: dict) -> Markdown:
    """What each map keeps of the space it shows, and how alike other maps of the images are to the first."""
    rows = [
        [f"{name}, the map above", maps[name]["trustworthiness"], maps[name]["continuity"], None, None]
        for name in maps
        if name != "again"
    ]
    rows += [[f"image, {one['neighbours']} neighbours, seed {one['seed']}", one["trustworthiness"], one["continuity"],
              one["likeness"], one["islands_ari"]] for one in maps["again"]]  # fmt: skip
    return table(["map", "trustworthiness", "continuity", "likeness to the first", "islands (ARI)"], rows)


def clusters_table(scores: dict) -> Markdown:
    """Agreement of the clusters of image and spectrum, and their stability, beside what chance gives."""
    rows = [
        [f"agreement of image and spectrum ({name.upper()})",
         f"{_with_interval(scores, f'cross_modal_{name}')}", scores[f"cross_modal_{name}_null"]] for name in ("ami", "ari")
    ]  # fmt: skip
    rows += [
        [f"stability of {name} clusters (ARI)", f"{scores[f'stability_ari_{name}']:.3f}", "0"]
        for name in ("image", "spectrum")
    ]
    for name in ("image", "spectrum"):
        each = ", ".join(f"{value:.2f}" for value in scores[f"{name}_stability"])
        rows.append([f"… of each {name} cluster (Jaccard)", each, None])
    return table(["measure", "value", "by chance"], rows)


def labels_table(scores: dict) -> Markdown:
    """Mutual information of the clusters of either modality with each property, beside what chance exceeds once in twenty."""
    rows = [[NAMES[name], scores["image_ami"][name], scores["image_ami_null"][name],
             scores["spectrum_ami"][name], scores["spectrum_ami_null"][name]] for name in scores["image_ami"]]  # fmt: skip
    if not rows:
        return Markdown("The catalogue knows no property of these galaxies.")
    return table(["property", "image clusters (AMI)", "by chance", "spectrum clusters (AMI)", "by chance"], rows)


def order_table(order: dict[str, dict[str, dict[str, dict[str, float]]]]) -> Markdown:
    """Moran's I of each property on each map, with the largest value that chance exceeds once in twenty on any."""
    found = {space: scores["map"] for space, scores in order.items()}
    rows = [[NAMES[name], *(scores[name]["moran"] for scores in found.values()), max(scores[name]["moran_null"] for scores in found.values())]
            for name in next(iter(found.values()))]  # fmt: skip
    return table(["Moran's I", *(f"{space} map" for space in found), "by chance"], rows)


def omitted_sentence(left_out: dict[str, str]) -> Markdown:
    """Which properties have no number, and why."""
    if not left_out:
        return Markdown("No property was left out.")
    return Markdown("Left out: " + "; ".join(f"{NAMES[name]} ({why})" for name, why in left_out.items()) + ".")


def anomalies_table(scores: dict) -> Markdown:
    """How many of the strangest galaxies of each detector are of a rare kind, with the interval."""
    detected = scores["detectors"]
    if not detected:
        return Markdown("The catalogue labels no rare kinds; only swapped pairs, below, can be looked for.")
    rows = [[DETECTORS[name], *(_with_interval(detected[kind][name], "precision", ".2f") for kind in detected),
             f"{scores['swapped_pairs_precision']:.2f}" if name == "disagreement" else "as by chance"]
            for name in DETECTORS]  # fmt: skip
    chance = [f"{next(iter(detected[kind].values()))['base_rate']:.3f}" for kind in detected]
    rows.append(["by chance", *chance, f"{scores['swapped_share']:.3f}"])
    return table(["detector", *(KINDS[kind] for kind in detected), "swapped pairs"], rows)


def island_sentence(scores: dict, noun: str) -> Markdown:
    """What `astroclip_book.evaluate.space.islands.find_island` found, in words; ``noun`` names many of what was looked for."""
    if not scores["wanted"]:
        return Markdown(f"The catalogue labels none of the test galaxies as {noun}, so there is nothing to score.")
    luck = f"the best group reaches {scores['f1_null']:.2f} on shuffled labels once in twenty times"
    if scores["group"] is None:
        return Markdown(
            f"**There is none.** There are {scores['wanted']} {noun} in the test set. The island or cluster that matches them best "
            f"has an F1 score of {scores['f1']:.2f}, which is no better than luck: {luck}."
        )
    method, group = scores["group"].split(" ")
    # Gathering better than by luck is not yet an island of their own.
    one = "There is one." if scores["recall"] >= 0.5 else "A part of them has one."
    verdict = one if scores["precision"] >= 0.5 else "They have none to themselves."
    again = scores["found_again"]
    text = (
        f"**{verdict}** Of {scores['wanted']} {noun} in the test set, {scores['recall']:.0%} {_interval(scores, 'recall')} are in "
        f"{METHODS[method.split('/')[0]]} {group} of the images; of its {scores['size']} members, {scores['precision']:.0%} "
        f"{_interval(scores, 'precision')} are {noun}. Its F1 score is {scores['f1']:.2f}; {luck}."
    )
    if again is not None:
        text += f" On maps with other seeds and numbers of neighbours, the island most like it shares {again:.0%} (Jaccard)."
    return Markdown(text)


def swapped_sentence(scores: dict) -> Markdown:
    """How well pairs that are none are found."""
    low, high = scores["swapped_pairs_auc_ci95"]
    return Markdown(
        f"A swapped pair disagrees more than a true one with a probability of **{scores['swapped_pairs_auc']:.3f}** "
        f"[{low:.3f}, {high:.3f}] (area under the ROC curve; 0.5 by chance), and {scores['swapped_pairs_precision']:.0%} of "
        "the twenty pairs that disagree most were swapped."
    )


def kinds_table(kinds: dict[str, dict[str, int]]) -> Markdown:
    """How many images with each kind of defect there are, and how many of them are in the island."""
    if not kinds:
        return Markdown("The catalogue has no labels of defects.")
    return table(
        ["defect", "in the test set", "in the island"],
        [[kind.replace("_", " "), one["n"], one["found"]] for kind, one in kinds.items()],
    )


def _with_interval(scores: dict, name: str, form: str = ".3f") -> str:
    low, high = scores[f"{name}_ci95"]
    return f"{number(scores[name], form)} [{number(low, form)}, {number(high, form)}]"


def _interval(scores: dict, name: str) -> str:
    low, high = scores[f"{name}_ci95"]
    return f"[{low:.0%} to {high:.0%}]"
