"""Other people's data: downloads, conversions, FITS files of DESI, SDSS and the Legacy Surveys, statistics of the sky."""

from real_sky.observations.arrays import images_of_arrays, spectra_of_arrays
from real_sky.observations.files import read_images, read_spectra
from real_sky.observations.observed import Images, Spectra
from real_sky.observations.surveys import read_coadd, read_cutout, read_spec

__all__ = ["Images", "Spectra", "images_of_arrays", "read_coadd", "read_cutout", "read_images", "read_spec", "read_spectra",
           "spectra_of_arrays"]  # fmt: skip
