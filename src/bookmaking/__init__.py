"""What makes the book: runs and their artefacts, chapters, figures, explorer, site."""

from bookmaking.notebook import open_run

__all__ = ["open_run"]
