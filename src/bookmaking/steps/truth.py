"""The catalogue's columns for the objects of a run: `Run.truth` and `Run.labels` by their old names."""

from bookmaking.store import Run

truth, labels = Run.truth, Run.labels
