"""The mock survey: galaxies, their images and their fibre spectra."""

import warnings

from astropy.utils.exceptions import AstropyDeprecationWarning

with warnings.catch_warnings():
    # SkyPy sets up a test runner that astropy has retired, and says so at import, in every worker.
    warnings.simplefilter("ignore", AstropyDeprecationWarning)
    import skypy.galaxies  # noqa: F401
