"""The processes that ``torchrun`` started, as a run sees them: the first keeps the books, all work."""

import atexit
import os
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


def agree(value=None):
    """What the first process passed, in all of them; nobody goes on before all have come here.

    BookError where another process has ended.
    """
    if count() == 1:
        return value
    from torch import distributed  # a single process does without torch

    if not distributed.is_initialized():
        # The others wait while the first simulates a survey. When one fails, they notice at once that it is gone.
        distributed.init_process_group(timeout=timedelta(days=1))
        atexit.register(distributed.destroy_process_group)  # or a process that stops with an error aborts as well
    values = [value]
    try:
        distributed.broadcast_object_list(values)
    except RuntimeError as error:
        why = "Another process has ended: its message says why. Start the job again to continue from here."
        raise BookError(why) from error
    return values[0]
