"""Other people's data: downloads, conversions, FITS files of DESI, SDSS and the Legacy Surveys, statistics of the sky."""

from real_sky.observations.files import read_images, read_spectra
from real_sky.observations.observed import Images, Spectra

__all__ = ["Images", "Spectra", "read_images", "read_spectra"]
