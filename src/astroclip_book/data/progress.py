"""Progress bars for the long loops, in a terminal and in an executed notebook alike."""

from tqdm import tqdm


def progress(iterable=None, description: str = "", total: int | None = None, **options) -> tqdm:
    """Text bar on stderr, redrawn at most once a second so that an executed notebook stays small.

    Parameters
    ----------
    iterable : iterable, optional
        What is looped over; without it, call ``update`` on the bar that is returned.
    description : str
        What is being done, in a few words.
    total : int, optional
        Number of items, where ``len(iterable)`` does not tell.
    **options
        Passed on to tqdm: ``initial`` for a loop that resumes, ``unit``.
    """
    return tqdm(iterable, desc=description, total=total, mininterval=1.0, ncols=88, **options)
