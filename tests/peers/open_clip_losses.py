"""Loss and gradient by open_clip and by the book, in one process or those that torchrun starts: ``… loss.py result.pt``."""

import importlib.util
import sys

import torch
from torch import distributed

from astroclip_book.models.heads import info_nce, siglip
from astroclip_book.train.loop import gather, make_fabric, save

N, D, SCALE, BIAS = 16, 12, 15.5, -4.0


def main(source: str, path: str) -> None:
    spec = importlib.util.spec_from_file_location("open_clip_loss", source)
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    fabric = make_fabric("cpu")
    rank, size = fabric.global_rank, fabric.world_size
    torch.manual_seed(0)
    everybody = torch.nn.functional.normalize(torch.randn(2, N, D), dim=-1)

    def measure(loss) -> dict:
        mine = everybody.chunk(size, dim=1)[rank].clone().requires_grad_()
        value = loss(*mine)
        value.backward()
        # What data-parallel training does to the gradients of weights, which are linear in these.
        gradient = fabric.all_gather(mine.grad).view(size, 2, -1, D).transpose(0, 1).flatten(1, 2) / size
        value = fabric.all_gather(value.detach()).mean()
        return {"loss": value.item(), "gradient": gradient}

    scale, bias = torch.tensor(SCALE), torch.tensor(BIAS)
    options = {"rank": rank, "world_size": size}
    clip = theirs.ClipLoss(gather_with_grad=True, **options)
    local = theirs.ClipLoss(gather_with_grad=True, local_loss=True, **options)
    sigmoid = theirs.SigLipLoss(**options)
    results = {
        "info_nce": measure(lambda *x: info_nce(*(gather(fabric, e) for e in x), SCALE)),
        "siglip": measure(lambda *x: siglip(*(gather(fabric, e) for e in x), SCALE, BIAS)),
        "ClipLoss": measure(lambda *x: clip(*x, scale)),
        "ClipLoss, local": measure(lambda *x: local(*x, scale)),
        "SigLipLoss": measure(lambda *x: sigmoid(*x, scale, bias)),
    }
    save(results, path)
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    from pathlib import Path

    main(sys.argv[1], Path(sys.argv[2]))
