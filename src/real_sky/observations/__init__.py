"""Other people's files, read into what the encoders take."""

from real_sky.observations.files import read_images, read_spectra
from real_sky.observations.observed import Images, Spectra

__all__ = ["Images", "Spectra", "read_images", "read_spectra"]
