"""A small survey, a small file of pairs and small networks."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import Alignment, Comparison, Evaluation, Features, ImageEncoder, SpectrumEncoder
from astroclip_book.data.pairs import GROUPS, N_WAVELENGTH, create_pairs, open_rows
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.resnet import ResNet
from astroclip_book.train.loop import finish
from bookmaking.presets import load_preset
from mock_survey import Survey

IMAGE_ENCODER = ImageEncoder(
    weights_path=None, depth=18, width=4, binning=2, field=64, input="colours", size_keeps="flux", leading=8,
    epochs=2, batch_size=16, norm_groups=2, learning_rate=1e-3, weight_decay=1e-4, queue_size=64, key_momentum=0.9, temperature=0.2,
)  # fmt: skip
SPECTRUM_ENCODER = SpectrumEncoder(
    weights_path=None, width=4, position=True, normalisation="weighted", n_latent=3, rest_pixels=256, epochs=2, batch_size=16,
    learning_rate=1e-3, blind_weight=0.1,
)  # fmt: skip
FEATURES = Features(views=2, batch_size=32)
COMPARISON = Comparison(image_epochs=2, spectrum_epochs=2, components=8)
EVALUATION = Evaluation(k=4, pool=20, bootstrap=20)
ALIGNMENT = Alignment(
    dimension=16, layers=1, hidden=32, dropout=0.1, embedding_dropout=0.0, loss="info_nce", logit_scale=15.5, learn_scale=False,
    optimizer="adamw", epochs=4, batch_size=16, learning_rate=1e-3, weight_decay=0.1, seeds=2,
)  # fmt: skip


def small_survey(n_galaxies: int, **values) -> Survey:
    """The smoke preset's survey with other values, and without artefacts unless they say so."""
    survey = dataclasses.replace(load_preset("smoke").survey, n_galaxies=n_galaxies, artefact_fraction=0.0)
    return dataclasses.replace(survey, **values)


def write_pairs(path: Path, per_group: int = 10, seed: int = 0) -> Path:
    """A blob and a line for each galaxy, brighter and redder with redshift, over noise."""
    rng = np.random.default_rng(seed)
    create_pairs(path, [per_group] * len(GROUPS))
    offset = np.hypot(*np.mgrid[-76:76, -76:76])
    for number, group in enumerate(GROUPS):
        redshift = rng.uniform(0.02, 0.5, per_group).astype(np.float32)
        image, flux = open_rows(path, group, "images"), open_rows(path, group, "spectra")
        for i, z in enumerate(redshift):
            blob = np.exp(-offset / 5)[..., None] * np.array([0.5, 1, 1 + 2 * z])
            image[i] = blob + rng.normal(0, 0.01, image[i].shape)
            line = np.exp(-0.5 * ((np.arange(N_WAVELENGTH) - 9000 * z - 1500) / 6) ** 2)
            flux[i] = 1 + 5 * line + rng.normal(0, 0.3, N_WAVELENGTH)
        open_rows(path, group, "redshifts")[:] = redshift
        open_rows(path, group, "targetids")[:] = number * 1000 + np.arange(per_group)
    return path


def write_encoders(directory: Path) -> Path:
    """Both encoders' files as the trainings write them, with the weights of no training."""
    torch.manual_seed(0)
    leading = torch.nn.Linear(32, 8).state_dict()
    finish("image_encoder", IMAGE_ENCODER, ResNet(18, 4), [], directory, leading=leading)
    spectra = SpectrumAutoencoder(SPECTRUM_ENCODER, torch.ones(N_WAVELENGTH))
    finish("spectrum_encoder", SPECTRUM_ENCODER, spectra, [], directory)
    return directory


class Killed(BaseException):
    """Stands for a signal."""


def killing(function, at: int):
    """``function``, but the call number ``at`` is the last thing that happens."""
    calls = iter(range(at))

    def wrapped(*args, **kwargs):
        if next(calls, None) is None:
            raise Killed
        return function(*args, **kwargs)

    return wrapped
