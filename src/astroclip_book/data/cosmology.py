"""The cosmology in which distances are computed, of the mock and of what it is compared with."""

from astropy.cosmology import FlatLambdaCDM

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
