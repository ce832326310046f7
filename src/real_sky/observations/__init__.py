"""Other people's files, read into what the encoders take."""

from astroclip_book.observations.files import read_images, read_spectra
from astroclip_book.observations.observed import Images, Spectra

__all__ = ["Images", "Spectra", "read_images", "read_spectra"]
