"""Arrays that a reader saved by numpy: read by name, and never as Python objects, which could bring code along."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from astroclip_book.errors import BookError


def read_npz(path: Path, names: Iterable[str], what: str) -> dict[str, np.ndarray]:
    """Those of the named arrays that an ``.npz`` file holds.

    Parameters
    ----------
    path : Path
    names : iterable of str
        What else there is stays unread.
    what : str
        What the message asks for where there is no file.

    Raises
    ------
    BookError
        If the file is not there, damaged, or of another kind, or an array holds Python objects.
    """
    if not path.is_file():
        raise BookError(f"{path} does not exist: give the path of {what}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names if name in file.files}
    except Exception as error:  # numpy and zipfile raise many kinds for a file that is damaged or of another kind
        raise BookError(f"{path} cannot be read as .npz ({error}): save it with numpy.savez, whole.") from error
