"""The steps of a run: each file connects one function of the module to the artefacts of a run."""
