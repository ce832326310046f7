"""Momentum contrast for images: MoCo v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""

from __future__ import annotations

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
    """A query encoder, its slowly following copy, and a queue of the copy's past outputs.

    Parameters
    ----------
    config : ImageEncoder
    fabric : Fabric
        Its processes share the batch and the queue.

    Raises
    ------
    BookError
        If the parts that batch norm sees do not split evenly over the processes, the batch not over the parts, or the
        batch is larger than the queue.
    """

    def __init__(self, config: ImageEncoder, fabric: Fabric):
        super().__init__()
        encoder = ResNet(config.depth, config.width)
        n = encoder.n_features
        self.query = nn.ModuleDict(
            {"encoder": encoder, "fc": nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, PROJECTION))}
        )
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(config.queue_size, PROJECTION), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))
        self.momentum, self.temperature = config.key_momentum, config.temperature
        groups = max(config.norm_groups, fabric.world_size)  # no process normalises with what another holds
        if groups % fabric.world_size or config.batch_size % groups:
            raise BookError(
                f"image_encoder.norm_groups = {groups} must be a multiple of the {fabric.world_size} processes, "
                f"and batch_size = {config.batch_size} a multiple of it."
            )
        if config.batch_size > config.queue_size:
            raise BookError(
                f"image_encoder.queue_size = {config.queue_size} holds less than a batch of {config.batch_size}: enlarge it."
            )
        self.fabric, self.groups = fabric, groups // fabric.world_size

    @staticmethod
    def project(branch: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w) to unit vectors (n, 128)."""
        return F.normalize(branch["fc"](branch["encoder"](x)).float(), dim=1)

    def forward(self, query: torch.Tensor, key: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        """InfoNCE of two views of the same objects against the queue; then the queue and the copy move on.

        Parameters
        ----------
        query, key : (n, 3, h, w) tensors
            This process's part of the batch.
        order : (n * processes,) tensor
            A permutation, the same on every process. Batch norm must not tell which key belongs to which query by their
            shared statistics: keys are normalised in this order, queries in the given one, both in parts of the batch.

        Returns
        -------
        scalar tensor, nats
        """
        q = torch.cat([self.project(self.query, part) for part in query.chunk(self.groups)])
        with torch.no_grad():
            torch._foreach_lerp_(list(self.key.parameters()), list(self.query.parameters()), 1 - self.momentum)
            mine = torch.arange(len(order), device=order.device).view(self.fabric.world_size, -1)[
                self.fabric.global_rank
            ]
            shuffled = gather(self.fabric, key)[order[mine]]
            projected = [self.project(self.key, part) for part in shuffled.chunk(self.groups)]
            k = torch.empty(len(order), PROJECTION, device=q.device)
            k[order] = gather(self.fabric, torch.cat(projected))
        positive = (q * k[mine]).sum(1, keepdim=True)
        logits = torch.cat([positive, q @ self.queue.clone().T], 1) / self.temperature
        loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
        with torch.no_grad():
            slots = (self.pointer + torch.arange(len(k), device=k.device)) % len(self.queue)
            self.queue[slots] = k
            self.pointer.copy_((self.pointer + len(k)) % len(self.queue))
        return loss
