"""ResNet with torchvision's parameter names and any width (He et al. 2016, https://doi.org/10.1109/CVPR.2016.90)."""

import torch
from torch import nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Block(nn.Module):
    """A shortcut beside two 3 × 3 convolutions or, in a ``bottleneck``, 1 × 1, 3 × 3 and 1 × 1; the first 3 × 3 has the stride."""

    def __init__(self, n_in: int, n: int, stride: int, bottleneck: bool):
        super().__init__()
        layers = [(n_in, n, 3, stride), (n, n, 3, 1)]
        if bottleneck:
            layers = [(n_in, n, 1, 1), (n, n, 3, stride), (n, 4 * n, 1, 1)]
        self.layers = len(layers)
        for i, (before, after, kernel, step) in enumerate(layers, start=1):
            self.add_module(f"conv{i}", nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(after))
        self.relu, self.downsample = nn.ReLU(inplace=True), nn.Identity()
        if stride != 1 or n_in != after:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (b, n_in, h, w) to (b, n or 4 n, h / stride, w / stride)."""
        y = x
        for i in range(1, self.layers + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = self.relu(y if i < self.layers else y + self.downsample(x))
        return y


class ResNet(nn.Module):
    """Residual network of depth 18, 34 or 50 without a classifier; a ``width`` of 64 channels is the published one."""

    def __init__(self, depth: int, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        n_in, bottleneck = width, depth >= 50
        for stage, count in enumerate(BLOCKS[depth]):
            layers, n = [], width * 2**stage
            for i in range(count):
                layers.append(Block(n_in, n, 2 if stage > 0 and i == 0 else 1, bottleneck))
                n_in = 4 * n if bottleneck else n
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.n_features = n_in
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) to pooled features (n, n_features)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))
