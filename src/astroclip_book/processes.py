"""The processes that ``torchrun`` started, as a run sees them: the first keeps the books, all train."""

from __future__ import annotations

import os
from datetime import timedelta


def rank() -> int:
    """Number of this process, 0 for the first or only one."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many there are, on all machines together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def agree(value=None):
    """What the first process passed, in all of them; nobody goes on before all have come here."""
    if count() == 1:
        return value
    from torch import distributed  # a single process does without torch

    if not distributed.is_initialized():
        # The others wait while the first simulates a survey or computes features.
        distributed.init_process_group(timeout=timedelta(days=1))
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]
