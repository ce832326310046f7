"""The processes that ``torchrun`` started, as a run sees them: the first keeps the books, all work."""

from __future__ import annotations

import atexit
import os
from contextlib import contextmanager
from datetime import timedelta

from astroclip_book.errors import BookError


def rank() -> int:
    """Number of this process, 0 for the first or only one."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many there are, on all machines together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def say(text: str) -> None:
    """Print, once."""
    if rank() == 0:
        print(text)


def part(n: int) -> slice:
    """This process's part of n things in a row; the parts follow each other in the order of the ranks."""
    return slice(n * rank() // count(), n * (rank() + 1) // count())


def agree(value=None):
    """What the first process passed, in all of them; nobody goes on before all have come here."""
    if count() == 1:
        return value
    values = [value]
    with _connected() as distributed:
        distributed.broadcast_object_list(values)
    return values[0]


@contextmanager
def _connected():
    from torch import distributed  # a single process does without torch

    if not distributed.is_initialized():
        # The others wait while the first simulates a survey. When one fails, they notice at once that it is gone.
        distributed.init_process_group(timeout=timedelta(days=1))
        atexit.register(
            distributed.destroy_process_group
        )  # without it a process that stops with an error aborts as well
    try:
        yield distributed
    except RuntimeError as error:
        raise BookError(
            "Another process has ended: its message says why. Start the job again to continue from here."
        ) from error
