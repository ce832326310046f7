"""Momentum contrast for images: MoCo v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""

import copy

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import nn

from astroclip_book.config import ImageEncoder
from astroclip_book.errors import BookError
from astroclip_book.models.resnet import ResNet
from astroclip_book.train.loop import gather

PROJECTION = 128


class MoCo(nn.Module):
    """A query encoder, its slowly following copy, and a queue of the copy's outputs; the processes of ``fabric`` share both.

    BookError if the batch does not split evenly over the parts that batch norm sees, or is larger than the queue.
    """

    def __init__(self, config: ImageEncoder, fabric: Fabric):
        super().__init__()
        encoder = ResNet(config.depth, config.width)
        n = encoder.n_features
        head = nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, PROJECTION))
        self.query = nn.ModuleDict({"encoder": encoder, "fc": head})
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(config.queue_size, PROJECTION), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))
        self.momentum, self.temperature = config.key_momentum, config.temperature
        parts, n_processes = max(config.norm_groups, fabric.world_size), fabric.world_size
        if parts % n_processes or config.batch_size % parts or config.batch_size > config.queue_size:
            raise BookError(
                f"image_encoder: norm_groups = {parts} must be a multiple of the {n_processes} processes, "
                f"batch_size = {config.batch_size} a multiple of it, and queue_size = {config.queue_size} no less than that."
            )
        self.fabric, self.parts = fabric, parts // n_processes

    @staticmethod
    def project(branch: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w) to unit vectors (n, 128)."""
        return F.normalize(branch["fc"](branch["encoder"](x)).float(), dim=1)

    def forward(self, query: torch.Tensor, key: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        """InfoNCE (nats) of two views (n, 3, h, w) of the same objects against the queue; then the queue and the copy move on.

        ``order`` is a permutation of the whole batch, the same on every process. Batch norm must not tell which key belongs to
        which query by their shared statistics: keys are normalised in this order, queries in the given one, both in parts.
        """
        q = torch.cat([self.project(self.query, part) for part in query.chunk(self.parts)])
        with torch.no_grad():
            torch._foreach_lerp_(list(self.key.parameters()), list(self.query.parameters()), 1 - self.momentum)
            mine = torch.arange(len(order), device=order.device).chunk(self.fabric.world_size)[self.fabric.global_rank]
            shuffled = gather(self.fabric, key)[order[mine]]
            k = torch.empty(len(order), PROJECTION, device=q.device)
            projected = torch.cat([self.project(self.key, part) for part in shuffled.chunk(self.parts)])
            k[order] = gather(self.fabric, projected)
        positive = (q * k[mine]).sum(1, keepdim=True)
        logits = torch.cat([positive, q @ self.queue.clone().T], 1) / self.temperature
        with torch.no_grad():
            self.queue[(self.pointer + torch.arange(len(k), device=k.device)) % len(self.queue)] = k
            self.pointer.copy_((self.pointer + len(k)) % len(self.queue))
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
