"""The published pre-training of the image encoder, written out plainly: what `moco_step` is timed against.

Views are made one by one with numpy and scipy, all eight augmentations in their published order; the network runs in
float32 and its momentum goes parameter by parameter. As in most published loops on one device, batch norm sees the
batch as a whole. Stein et al. 2022 (https://doi.org/10.3847/1538-4357/ac6d63); MoCo v2, Chen et al. 2020
(arXiv:2003.04297).
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import nn

from astroclip_book.config import ImageEncoder
from astroclip_book.data.pairs import MAX_REDDENING, PSF_SIGMA, REDDENING, SKY_NOISE, TRANSMISSION
from astroclip_book.data.views import JITTER, RGB_OFFSET, RGB_SCALES, RGB_SOFTENING, SIZE_RANGE
from astroclip_book.models.moco import MoCo


class PlainLoop:
    """Steps of the published algorithm on cut-outs (n, 3, 76, 76), from the weights and the queue of a `MoCo`."""

    def __init__(self, cache: np.ndarray, moco: MoCo, config: ImageEncoder):
        self.cache, self.config, self.rng = cache, config, np.random.default_rng(0)
        self.size = config.field // config.binning
        self.query, self.key = (
            copy.deepcopy(branch).to(memory_format=torch.contiguous_format) for branch in (moco.query, moco.key)
        )
        self.queue, self.pointer = moco.queue.T.clone(), 0
        self.optimizer = torch.optim.AdamW(
            self.query.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )

    def augmented(self) -> list[list[np.ndarray]]:
        """Both views of all cut-outs, one by one, each (3, 32, 32) nanomaggies."""
        arguments = self.size, self.config.binning, self.rng
        return [[plain_view(image.astype(np.float32), *arguments) for image in self.cache] for _ in range(2)]

    def seen(self, images: list[list[np.ndarray]]) -> list[torch.Tensor]:
        """What the network is shown of them."""
        stacked = [np.stack([plain_rgb(image) for image in view]) for view in images]
        return [torch.from_numpy(view).to(self.queue.device) for view in stacked]

    def loss(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """InfoNCE of a batch, (n, 3, 32, 32) twice; the copy and the queue move on."""
        q = self.project(self.query, query)
        with torch.no_grad():
            for mine, other in zip(self.key.parameters(), self.query.parameters(), strict=True):
                mine.data = mine.data * self.config.key_momentum + other.data * (1 - self.config.key_momentum)
            k = self.project(self.key, key)
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone())
        logits = torch.cat([positive, negative], 1) / self.config.temperature
        loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
        self.queue[:, self.pointer : self.pointer + len(k)] = k.T
        self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        return loss

    @staticmethod
    def project(branch: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w) to unit vectors (n, 128)."""
        return F.normalize(branch["fc"](branch["encoder"](x)), dim=1)

    def step(self, pair: list[torch.Tensor]) -> torch.Tensor:
        """One step of the optimiser; the loss."""
        loss = self.loss(*pair)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def __call__(self) -> torch.Tensor:
        return self.step(self.seen(self.augmented()))


def plain_view(image: np.ndarray, size: int, binning: int, rng: np.random.Generator) -> np.ndarray:
    """One augmented view (3, size, size) of a binned cut-out (3, h, w)."""
    new, old = (min(lognormal(rng, REDDENING), MAX_REDDENING) for _ in range(2))
    image = image * (10 ** (np.array(TRANSMISSION, np.float32) * np.float32(new - old)))[:, None, None]
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.5:
        image = image[:, :, ::-1]
    image = ndimage.rotate(image, rng.uniform(0, 360), axes=(1, 2), reshape=False, order=1)
    scale = rng.uniform(*SIZE_RANGE)
    image = ndimage.zoom(image, (1, scale, scale), order=1)
    widths = [excess(rng, law) / binning for law in PSF_SIGMA]
    image = np.stack([ndimage.gaussian_filter(band, width) for band, width in zip(image, widths, strict=True)])
    reach = JITTER // binning
    top, left = ((side - size) // 2 + rng.integers(-reach, reach + 1) for side in image.shape[1:])
    image = image[:, top : top + size, left : left + size]
    sigma = np.array([excess(rng, law) / binning for law in SKY_NOISE])
    return (image + sigma[:, None, None] * rng.standard_normal(image.shape)).astype(np.float32)


def lognormal(rng: np.random.Generator, law: tuple[float, float, float]) -> float:
    """A draw from a log-normal (shape, location, scale)."""
    shape, location, scale = law
    return location + scale * np.exp(shape * rng.standard_normal())


def excess(rng: np.random.Generator, law: tuple[float, float, float]) -> float:
    """What widens one random width to another, in quadrature; zero where it is the wider already."""
    final, true = lognormal(rng, law), lognormal(rng, law)
    return np.sqrt(max(final**2 - true**2, 0))


def plain_rgb(image: np.ndarray) -> np.ndarray:
    """Nanomaggies (3, h, w) in g, r, z to red, green, blue."""
    scaled = image * np.array(RGB_SCALES, np.float32)[:, None, None] + RGB_OFFSET
    brightness = np.maximum(scaled, 0).mean(0)
    gain = np.arcsinh(RGB_SOFTENING * brightness) / np.sqrt(RGB_SOFTENING) / np.where(brightness == 0, 1e-6, brightness)
    return np.clip(scaled * gain, 0, 1)[::-1].astype(np.float32)
