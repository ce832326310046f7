"""Published weights in the place of a training: the same files as the trainings write."""

from __future__ import annotations

from pathlib import Path

from astroclip_book.config import ImageEncoder, SpectrumEncoder
from astroclip_book.data.noise import noise_shape
from astroclip_book.data.pairs import Pairs
from astroclip_book.errors import BookError
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.published import load_spender, load_stein
from astroclip_book.train.loop import save


def adopt_image_encoder(config: ImageEncoder, directory: Path) -> dict:
    """Write ``directory/image_encoder.pt`` from the checkpoint of Stein et al. that the preset names.

    Raises
    ------
    BookError
        If `load_stein` refuses the file, or the preset describes another network.
    """
    found = load_stein(config.weights_path)
    _agree("image_encoder", config, found, ("depth", "width"))
    state = {"state": found["encoder"], "projection": found["projection"], "history": {}}
    save({"config": vars(config), **state}, directory / "image_encoder.pt")
    return {"image_encoder": {"published": found["hyper_parameters"]}}


def adopt_spectrum_encoder(pairs: Pairs, config: SpectrumEncoder, directory: Path) -> dict:
    """Write ``directory/spectrum_encoder.pt`` from the Spender model that the preset names.

    Its encoder alone: this book's decoder is another. The noise of the pairs is measured, for augmented views.

    Raises
    ------
    BookError
        If `load_spender` refuses the file, or the preset describes another network.
    """
    found = load_spender(config.weights_path)
    _agree("spectrum_encoder", config, {**found, "position": False}, ("width", "n_latent", "position"))
    model = SpectrumAutoencoder(config, noise_shape(pairs, pairs.index.where("train")))
    model.encoder.load_state_dict(found["encoder"])
    save({"config": vars(config), "state": model.state_dict(), "history": {}}, directory / "spectrum_encoder.pt")
    return {}


def _agree(section: str, config: ImageEncoder | SpectrumEncoder, found: dict, names: tuple[str, ...]) -> None:
    wrong = [f"{name}: {found[name]}" for name in names if getattr(config, name) != found[name]]
    if wrong:
        raise BookError(
            f"{config.weights_path} holds another network than the preset says: set {section}'s {', '.join(wrong)}."
        )
