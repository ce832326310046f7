"""ResNet with torchvision's parameter names and any width (He et al. 2016, https://doi.org/10.1109/CVPR.2016.90)."""

from __future__ import annotations

import torch
from torch import nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, n_in: int, n: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n)
        self.conv2 = nn.Conv2d(n, n, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(n_in, n, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (b, n_in, h, w) to (b, n * expansion, h / stride, w / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 (which carries the stride), 1 × 1 and a shortcut."""

    expansion = 4

    def __init__(self, n_in: int, n: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n)
        self.conv2 = nn.Conv2d(n, n, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n)
        self.conv3 = nn.Conv2d(n, 4 * n, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * n)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(n_in, 4 * n, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (b, n_in, h, w) to (b, n * expansion, h / stride, w / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Module:
    if stride == 1 and n_in == n_out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))


class ResNet(nn.Module):
    """Residual network of depth 18, 34 or 50 without a classifier; a ``width`` of 64 channels is the published one."""

    def __init__(self, depth: int, width: int):
        super().__init__()
        block = Bottleneck if depth >= 50 else BasicBlock
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        n_in = width
        for stage, count in enumerate(BLOCKS[depth]):
            layers = []
            for i in range(count):
                layers.append(block(n_in, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
                n_in = width * 2**stage * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.n_features = n_in
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) to pooled features (n, n_features)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))
