"""Other people's data: downloads, conversions, FITS files of DESI, SDSS and the Legacy Surveys, statistics of the sky."""

from real_sky.observations import Images, Spectra, read_images, read_spectra

__all__ = ["Images", "Spectra", "read_images", "read_spectra"]
